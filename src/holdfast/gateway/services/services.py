"""The services object: everything that route handlers work with, assembled once at the start."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.protocol import BundleStore
from holdfast.events.model.stream import EventStream
from holdfast.gateway.audit import AuditLog
from holdfast.gateway.auth.call_tokens import CallTokens
from holdfast.gateway.background import BackgroundCalls
from holdfast.gateway.development.sessions import DevelopmentSessions
from holdfast.gateway.limits.call_rates import CallRateLimits
from holdfast.gateway.limits.open_limits import SharedBuckets, open_call_rate_limits
from holdfast.gateway.limits.open_streams import OpenStreams
from holdfast.gateway.limits.quotas import InstallQuotas
from holdfast.gateway.limits.schedule_changes import RATE as SCHEDULE_CHANGE_RATE
from holdfast.gateway.limits.schedule_changes import ScheduleChanges
from holdfast.gateway.limits.storage_warnings import StorageWarnings
from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.runners.preparation import BundlePreparation
from holdfast.gateway.services.health_check import HealthCheck
from holdfast.gateway.services.health_parts import health_parts
from holdfast.gateway.services.publish_rate_limit import PublishRateLimit
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.gateway.snapshots.snapshots import Snapshots
from holdfast.http.disconnect import DisconnectWatcher
from holdfast.http.token_bucket import Rate
from holdfast.records.changes.feed import ChangeFeed
from holdfast.records.changes.open_feed import change_feed
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.lifecycle.service import InstallService
from holdfast.registry.publishing.service import PublishingService
from holdfast.registry.quotas.kinds import QuotaLimits
from holdfast.registry.secrets.sealing import Sealer
from holdfast.registry.secrets.service import SecretService
from holdfast.schedules.definitions.service import ScheduleService
from holdfast.settings import Settings
from holdfast.storage.limits import StorageLimits
from holdfast.storage.service import ExtensionStorage


@dataclass(kw_only=True)
class Services:
    """The parts of one gateway. The code that creates it closes `db`, `runner` and `events`, and calls `close_audit` and `close_sealer`."""

    settings: Settings
    db: Database
    store: BundleStore
    events: EventStream
    runner: RunnerClient
    tokens: Tokens
    storage_limits: StorageLimits = field(default_factory=StorageLimits)
    now: Callable[[], datetime] = utc_now
    clock: Callable[[], float] = time.monotonic
    disconnects: DisconnectWatcher = field(default_factory=DisconnectWatcher)
    heartbeat_seconds: float = 15.0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the process stops: streams that would never end by themselves end then."""
    open_debug_streams: OpenStreams = field(default_factory=OpenStreams)
    open_development_streams: OpenStreams = field(default_factory=OpenStreams)
    development: DevelopmentSessions = field(default_factory=DevelopmentSessions)
    """What `holdfast dev` builds now; nothing in production."""

    @cached_property
    def call_tokens(self) -> CallTokens:
        """The tokens of running calls, for requests through ui-proxy."""
        return CallTokens(self.tokens.internal)

    @cached_property
    def trust_policy(self) -> TrustPolicy:
        """Which signatures count. It reads the trusted keys whenever it verifies."""
        return TrustPolicy.from_settings(self.settings)

    @cached_property
    def gateway_origins(self) -> frozenset[str]:
        """The origins whose pages may read responses of `/api/ext`."""
        return _split(self.settings.gateway_allowed_origins)

    @cached_property
    def proxy_origins(self) -> frozenset[str]:
        """The origins whose pages may read responses of `/api/ext-proxy`."""
        return _split(self.settings.proxy_allowed_origins)

    @cached_property
    def sealer(self) -> Sealer:
        """Encrypts and decrypts secrets. Created at first use, so a gateway without secrets needs no key. Raises SecretsKeyUnusable."""
        return Sealer.from_settings(self.settings)

    @cached_property
    def installs(self) -> InstallService:
        """Installs, changes and lists what tenants have."""
        return InstallService(self._collaborators)

    @cached_property
    def publishing(self) -> PublishingService:
        """Publishes, lists and yanks versions."""
        return PublishingService(self._collaborators)

    @property
    def secrets(self) -> SecretService:
        """Sets, removes and lists secrets. Raises SecretsKeyUnusable."""
        return SecretService(self.db, self.sealer, now=self.now)

    @cached_property
    def schedules(self) -> ScheduleService:
        """Lists, creates and changes schedules."""
        return ScheduleService(self.db, now=self.now)

    @cached_property
    def schedule_changes(self) -> ScheduleChanges:
        """How often extensions may change their schedules."""
        return ScheduleChanges(self.buckets.open("schedule-changes", SCHEDULE_CHANGE_RATE))

    @cached_property
    def storage(self) -> ExtensionStorage:
        """What extensions store."""
        storage = ExtensionStorage(self.db, limits=self.storage_limits, now=self.now)
        storage.on_growth(self.storage_warnings.report_growth)
        return storage

    @cached_property
    def storage_warnings(self) -> StorageWarnings:
        """Warns when what an install stores comes near its limit."""
        return StorageWarnings(self.db, self.events, self.storage_limits.total_bytes, now=self.now)

    @cached_property
    def audit(self) -> AuditLog:
        """The audit log of calls."""
        return AuditLog(self.db, now=self.now)

    @cached_property
    def background(self) -> BackgroundCalls:
        """The calls that schedules and events make."""
        # A call waits at most twice its deadline: for its bundle to be prepared, and for its response.
        timeout = timedelta(milliseconds=2 * self.settings.gateway_timeout_ms + 5_000)
        return BackgroundCalls(self.db, timeout=timeout, now=self.now)

    async def close_background(self) -> None:
        """Cancels the calls that schedules and events make."""
        if "background" in vars(self):
            await self.background.close()

    @cached_property
    def health(self) -> HealthCheck:
        """Which parts of the platform work. Raises InvalidRedisUrl."""
        parts = health_parts(
            self.settings, db=self.db, runner=self.runner, store=self.store, audit=self.audit, changes=self.changes, now=self.now
        )
        return HealthCheck(parts, clock=self.clock)

    @cached_property
    def changes(self) -> ChangeFeed:
        """Whether what decides the calls of a tenant has changed. On Postgres it knows only while the block of its `follow` runs."""
        return change_feed(self.db.engine.url)

    @cached_property
    def snapshots(self) -> Snapshots:
        """The credentials and installs that calls used, as long as they are current."""
        return Snapshots(self.db, self.changes)

    @cached_property
    def publish_rate_limit(self) -> PublishRateLimit:
        count, seconds = self.settings.ext_bundles_ratelimit_max, self.settings.ext_bundles_ratelimit_window_ms / 1_000
        return PublishRateLimit(self.buckets.open("publish", Rate.per_window(count, seconds)), count=count, seconds=seconds)

    @cached_property
    def buckets(self) -> SharedBuckets:
        """Opens the rate limits that all gateway processes of this machine share."""
        return SharedBuckets(self.settings.gateway_workers_dir, clock=self.clock)

    @cached_property
    def call_rate_limits(self) -> CallRateLimits:
        """The rate limits of calls. Raises InvalidRedisUrl."""
        return open_call_rate_limits(self.settings, self.buckets.open)

    @cached_property
    def _collaborators(self) -> Collaborators:
        return Collaborators(
            db=self.db,
            store=self.store,
            policy=self.trust_policy,
            domain_root=self.settings.ext_domain_root,
            storage_grace=self.settings.storage_grace,
            now=self.now,
            on_runnable=self.preparation.install_changed,
        )

    @cached_property
    def preparation(self) -> BundlePreparation:
        """Has the runners prepare bundles before their first call."""
        return BundlePreparation(self.db, self.runner.prepare)

    async def close_preparation(self) -> None:
        """Stops preparing bundles."""
        if "preparation" in vars(self):
            await self.preparation.close()

    async def close_audit(self) -> None:
        """Writes what the audit log still has to write."""
        if "audit" in vars(self):
            await self.audit.close()

    async def close_sealer(self) -> None:
        """Closes the sealer if it was created."""
        if "sealer" in vars(self):
            await self.sealer.close()

    @cached_property
    def quota_limits(self) -> QuotaLimits:
        """How much an install may use in a day."""
        return QuotaLimits.from_settings(self.settings, storage_bytes=self.storage_limits.total_bytes)

    @cached_property
    def quotas(self) -> InstallQuotas:
        """Counts what installs use."""
        return InstallQuotas(self.db, self.quota_limits, self.events, now=self.now)

    async def close_limits(self) -> None:
        """Writes what installs have used, and closes the rate limits that were opened."""
        if "quotas" in vars(self):
            await self.quotas.close()
        if "storage_warnings" in vars(self):
            await self.storage_warnings.close()
        if "call_rate_limits" in vars(self):
            await self.call_rate_limits.close()
        if "buckets" in vars(self):
            self.buckets.close()

    @property
    def is_development(self) -> bool:
        return self.settings.environment == "development"


def _split(names: str) -> frozenset[str]:
    return frozenset(name for name in names.split(",") if name)
