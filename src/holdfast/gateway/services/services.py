"""The services object: everything that route handlers work with, assembled once at the start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.protocol import BundleStore
from holdfast.events.model.stream import EventStream
from holdfast.gateway.services.install_config_cache import InstallConfigCache
from holdfast.gateway.services.publish_rate_limit import PublishRateLimit
from holdfast.gateway.services.runner_client import RunnerClient
from holdfast.gateway.services.service_tokens import Tokens
from holdfast.http.token_bucket import TokenBuckets
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.lifecycle.service import InstallService
from holdfast.registry.publishing.service import PublishingService
from holdfast.registry.secrets.sealing import Sealer
from holdfast.registry.secrets.service import SecretService
from holdfast.settings import Settings
from holdfast.storage.limits import StorageLimits


@dataclass(kw_only=True)
class Services:
    """The parts of one gateway. The code that creates it closes `db`, `runner` and `events`, and calls `close_sealer`."""

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
    open_debug_streams: Counter[str] = field(default_factory=Counter)
    """Open live debug streams by tenant id."""

    @cached_property
    def trust_policy(self) -> TrustPolicy:
        """Which signatures count. It reads the trusted keys whenever it verifies."""
        return TrustPolicy.from_settings(self.settings)

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
    def install_configs(self) -> InstallConfigCache:
        return InstallConfigCache(self.db)

    @cached_property
    def publish_rate_limit(self) -> PublishRateLimit:
        settings = self.settings
        return PublishRateLimit(count=settings.ext_bundles_ratelimit_max, seconds=settings.ext_bundles_ratelimit_window_ms / 1_000)

    @cached_property
    def _collaborators(self) -> Collaborators:
        return Collaborators(
            db=self.db,
            store=self.store,
            policy=self.trust_policy,
            domain_root=self.settings.ext_domain_root,
            storage_grace=self.settings.storage_grace,
            now=self.now,
        )

    async def close_sealer(self) -> None:
        """Closes the sealer if it was created."""
        if "sealer" in vars(self):
            await self.sealer.close()

    @property
    def is_development(self) -> bool:
        return self.settings.environment == "development"
