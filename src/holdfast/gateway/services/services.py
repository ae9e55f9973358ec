"""Everything the gateway works with, put together once at the start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from holdfast.bundles.store.protocol import BundleStore
from holdfast.events.stream import EventStream
from holdfast.gateway.services.runner_client import RunnerClient
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.http.token_bucket import TokenBuckets
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings
from holdfast.storage.limits import StorageLimits


@dataclass(kw_only=True)
class Services:
    """What routes reach for. Whoever makes it closes `db`, `runner` and `events`, and calls `close_sealer`."""

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

    @cached_property
    def sealer(self) -> Sealer:
        """What seals secrets, made when it is first needed. Raises SecretsKeyUnusable."""
        return Sealer.from_settings(self.settings)

    async def close_sealer(self) -> None:
        """Closes it, if it was made."""
        if "sealer" in vars(self):
            await self.sealer.close()

    @property
    def is_development(self) -> bool:
        return self.settings.environment == "development"
