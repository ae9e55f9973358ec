"""What the hosts of all calls of a process share: clients of the application, the fetcher, the operator's limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.events import EventSink
from holdfast.hostcalls.application.backend import HostBackend, HttpBackend, UnconfiguredBackend
from holdfast.hostcalls.call.context import CallContext
from holdfast.hostcalls.call.extension_log import ExtensionLog
from holdfast.hostcalls.call.limits import HostLimits
from holdfast.hostcalls.call_host import CallHost
from holdfast.hostcalls.network.deferred_fetcher import DeferredFetcher, Fetches
from holdfast.hostcalls.network.egress import InvalidEgressEntry, parse_rules
from holdfast.hostcalls.secret_envelope.envelope import algorithm_of, is_expired
from holdfast.hostcalls.secret_envelope.inline import open_inline_envelope
from holdfast.hostcalls.secret_envelope.sealed import SealedEnvelopes
from holdfast.logs import quiet_libraries
from holdfast.sealing.aes_gcm import ALGORITHM as AES_GCM
from holdfast.sealing.keyring import KeySource
from holdfast.settings import Settings
from holdfast.world.capabilities import Capability

if TYPE_CHECKING:
    from holdfast.hostcalls.application.ui_proxy import UiProxyClient
    from holdfast.hostcalls.network.fetch import Fetcher
    from holdfast.hostcalls.secret_envelope.vault import VaultTransit


_KEEP_SECONDS = 15.0
"""How long an idle connection of an install's fetches stays open. Many servers close theirs after 15 to 60 s."""


class HostServices:
    """Created once by a runner, inside its event loop; creates the host of every call. Close it at the end."""

    def __init__(
        self,
        *,
        backend: HostBackend,
        fetcher: Fetches,
        ui_proxy: UiProxyClient | None,
        events: EventSink | None,
        limits: HostLimits,
        log: ExtensionLog | None = None,
        vault: VaultTransit | None = None,
        sealed: SealedEnvelopes | None = None,
        allow_inline_secrets: bool = False,
    ) -> None:
        self.on_host_call: Callable[[str, str], None] | None = None
        """Called with the function and the outcome of every host call; see `CallHost`."""
        self.vault = vault
        self._sealed = sealed
        self._allow_inline_secrets = allow_inline_secrets
        self.backend = backend
        self.fetcher = fetcher
        self.ui_proxy = ui_proxy
        self.events = events
        self.limits = limits
        self.log = log

    @classmethod
    def from_settings(cls, settings: Settings, events: EventSink | None) -> HostServices:
        """Reads the settings. `events` is None when debug events are off.

        Raises InvalidEgressEntry for an invalid EXT_EGRESS_ALLOWLIST or EXT_EGRESS_MODE, SecretDecryptFailed for VAULT_ADDR,
        SecretsKeyUnusable for the keys of secrets, ValueError for UI_PROXY_BASE_URL.
        """
        quiet_libraries()
        return cls(
            backend=_backend(settings),
            fetcher=_fetcher(settings),
            ui_proxy=_ui_proxy(settings),
            events=events,
            limits=HostLimits(event_bytes=settings.debug_max_event_bytes),
            log=ExtensionLog(settings.extension_log_lines_per_second) if settings.extension_log_lines_per_second else None,
            vault=_vault(settings),
            sealed=SealedEnvelopes(KeySource.from_settings(settings)),
            # Inline content is not encrypted: outside development it must not travel over a network.
            allow_inline_secrets=settings.environment == "development",
        )

    async def open_secrets(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets of an envelope, name to value; none when it has expired. Raises SecretDecryptFailed."""
        algorithm = algorithm_of(envelope)
        if self.vault is not None and algorithm.startswith("vault-transit"):
            return {} if is_expired(envelope) else await self.vault.open(envelope, call)
        if self._sealed is not None and algorithm == AES_GCM:
            return {} if is_expired(envelope) else await self._sealed.open(envelope, call)
        return open_inline_envelope(envelope, allow_inline=self._allow_inline_secrets)

    def call_host(self, call: CallContext, granted: frozenset[Capability], secrets: Mapping[str, str] | None = None) -> CallHost:
        """Creates the host of one call. `secrets` are plaintext, from `open_secrets`."""
        return CallHost(
            call,
            granted,
            self.backend,
            self.events,
            fetcher=self.fetcher,
            ui_proxy=self.ui_proxy,
            secrets=secrets,
            limits=self.limits,
            log=self.log,
            on_call=self.on_host_call,
        )

    async def close(self) -> None:
        """Closes connections and threads. The creator of the event sink closes that one, after the last event."""
        await self.fetcher.close()
        if self.vault is not None:
            await self.vault.close()
        if self.ui_proxy is not None:
            await self.ui_proxy.close()
        if isinstance(self.backend, HttpBackend):
            await self.backend.close()


# What follows is imported when a setting or a guest asks for it: the HTTP libraries take as long to load as half a runner's start.


def _fetcher(settings: Settings) -> DeferredFetcher:
    allowlist = parse_rules(settings.egress_allowlist.split(","))  # raises now, not at the first fetch

    is_development = settings.environment == "development"
    report_only = settings.egress_mode == "report"
    if report_only and not is_development:
        raise InvalidEgressEntry(
            "EXT_EGRESS_MODE=report is for development: it lets extensions call every public host.",
            hint="Remove EXT_EGRESS_MODE, and list hosts that every extension may call in EXT_EGRESS_ALLOWLIST.",
        )

    def create() -> Fetcher:
        from holdfast.hostcalls.network.fetch import Fetcher

        return Fetcher(allowlist, allow_loopback=is_development, report_only=report_only, keep_seconds=_KEEP_SECONDS)

    return DeferredFetcher(create)


def _ui_proxy(settings: Settings) -> UiProxyClient | None:
    if settings.ui_proxy_base_url is None:
        return None
    from holdfast.hostcalls.application.ui_proxy import UiProxyClient

    return UiProxyClient(settings.ui_proxy_base_url, timeout_ms=settings.ui_proxy_timeout_ms)


def _vault(settings: Settings) -> VaultTransit | None:
    if settings.vault_addr is None:
        return None
    from holdfast.hostcalls.secret_envelope.vault import VaultTransit

    return VaultTransit(
        settings.vault_addr,
        settings.vault_token_file,
        token=settings.vault_token,
        namespace=settings.vault_namespace,
        mount=settings.vault_transit_mount,
    )


def _backend(settings: Settings) -> HostBackend:
    token = settings.runner_storage_api_token or settings.runner_service_token
    base = settings.storage_api_base_url or settings.registry_base_url
    if not base:
        return UnconfiguredBackend("base URL of the application not configured (STORAGE_API_BASE_URL or REGISTRY_BASE_URL)")
    if token is None or not token.get_secret_value():
        return UnconfiguredBackend("runner auth token not configured (RUNNER_STORAGE_API_TOKEN or RUNNER_SERVICE_TOKEN)")
    if settings.storage_api_base_url is None:
        base = _origin(base)
    try:
        return HttpBackend(base, token.get_secret_value())
    except ValueError as error:
        return UnconfiguredBackend(f"base URL of the application unusable: {error}")


def _origin(url: str) -> str:
    """`https://host:port` of a URL. The registry's base URL may have a path, which does not belong to the internal API."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else url
