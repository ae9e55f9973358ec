"""Everything the gateway works with, put together once at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from holdfast.bundles.store import BundleStore
from holdfast.events.stream import EventStream
from holdfast.gateway.buckets import TokenBuckets
from holdfast.gateway.runner_client import RunnerClient
from holdfast.gateway.tokens import Tokens
from holdfast.records.columns import utc_now
from holdfast.records.database import Database
from holdfast.settings import Settings
from holdfast.storage.limits import StorageLimits


@dataclass(kw_only=True)
class Services:
    """What routes reach for. Whoever makes it closes `db`, `runner` and `events`."""

    settings: Settings
    db: Database
    store: BundleStore
    events: EventStream
    runner: RunnerClient
    tokens: Tokens
    buckets: TokenBuckets = field(default_factory=TokenBuckets)
    storage_limits: StorageLimits = field(default_factory=StorageLimits)
    now: Callable[[], datetime] = utc_now
    heartbeat_seconds: float = 15.0
    debug_streams_per_tenant: int = 20

    @property
    def is_development(self) -> bool:
        return self.settings.environment == "development"
