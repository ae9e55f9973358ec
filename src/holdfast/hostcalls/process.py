"""What the doors of one process share: the way to the application, the way to the outside, the operator's limits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from holdfast.contract.secret_envelope import SecretEnvelope
from holdfast.events import EventSink
from holdfast.hostcalls.backend import HostBackend, HttpBackend, UnconfiguredBackend
from holdfast.hostcalls.call import CallContext
from holdfast.hostcalls.door import HostDoor
from holdfast.hostcalls.interfaces.secrets import algorithm_of, expired, open_envelope
from holdfast.hostcalls.interfaces.ui_proxy import UiProxy
from holdfast.hostcalls.network.egress import parse_rules
from holdfast.hostcalls.network.fetch import Fetcher
from holdfast.hostcalls.secret_envelope.open import SealedEnvelopes
from holdfast.hostcalls.secret_envelope.vault import VaultTransit
from holdfast.hostcalls.session import DoorLimits
from holdfast.sealing.aes_gcm import ALGORITHM as AES_GCM
from holdfast.sealing.keyring import KeySource
from holdfast.settings import Settings
from holdfast.world.capabilities import Capability


class HostServices:
    """Made once by a runner, inside its event loop; makes a door for every call. Close it at the end."""

    def __init__(
        self,
        *,
        backend: HostBackend,
        fetcher: Fetcher,
        ui_proxy: UiProxy | None,
        events: EventSink | None,
        limits: DoorLimits,
        vault: VaultTransit | None = None,
        sealed: SealedEnvelopes | None = None,
        allow_inline_secrets: bool = False,
    ) -> None:
        self.on_host_call: Callable[[str, str], None] | None = None
        """Told the function and the outcome of every host call."""
        self.vault = vault
        self._sealed = sealed
        self._allow_inline_secrets = allow_inline_secrets
        self.backend = backend
        self.fetcher = fetcher
        self.ui_proxy = ui_proxy
        self.events = events
        self.limits = limits

    @classmethod
    def from_settings(cls, settings: Settings, events: EventSink | None) -> HostServices:
        """Reads the settings. `events` is None when nobody is to hear of calls.

        Raises InvalidEgressEntry for a faulty EXT_EGRESS_ALLOWLIST, SecretDecryptFailed for a faulty VAULT_ADDR, SecretsKeyUnusable for
        faulty keys of secrets, ValueError for a faulty UI_PROXY_BASE_URL.
        """
        quiet_client_logs()
        return cls(
            backend=_backend(settings),
            fetcher=Fetcher(parse_rules(settings.egress_allowlist.split(",")), allow_loopback=settings.environment == "development"),
            ui_proxy=None
            if settings.ui_proxy_base_url is None
            else UiProxy(settings.ui_proxy_base_url, timeout_ms=settings.ui_proxy_timeout_ms),
            events=events,
            limits=DoorLimits(event_bytes=settings.debug_max_event_bytes),
            vault=None
            if settings.vault_addr is None
            else VaultTransit(
                settings.vault_addr,
                settings.vault_token_file,
                token=settings.vault_token,
                namespace=settings.vault_namespace,
                mount=settings.vault_transit_mount,
            ),
            sealed=SealedEnvelopes(KeySource.from_settings(settings)),
            # Inline content is not encrypted: outside development it is refused rather than carried over a network.
            allow_inline_secrets=settings.environment == "development",
        )

    async def open_secrets(self, envelope: SecretEnvelope, call: CallContext) -> dict[str, str]:
        """The secrets in an envelope, name to value; none when its time is over. Raises SecretDecryptFailed."""
        algorithm = algorithm_of(envelope)
        if self.vault is not None and algorithm.startswith("vault-transit"):
            return {} if expired(envelope) else await self.vault.open(envelope, call)
        if self._sealed is not None and algorithm == AES_GCM:
            return {} if expired(envelope) else await self._sealed.open(envelope, call)
        return open_envelope(envelope, allow_inline=self._allow_inline_secrets)

    def door(self, call: CallContext, granted: frozenset[Capability], secrets: Mapping[str, str] | None = None) -> HostDoor:
        """The host of one call. `secrets` are decoded: see `open_envelope`."""
        return HostDoor(
            call,
            granted,
            self.backend,
            self.events,
            fetcher=self.fetcher,
            ui_proxy=self.ui_proxy,
            secrets=secrets,
            limits=self.limits,
            on_call=self.on_host_call,
        )

    async def close(self) -> None:
        """Closes connections and threads. The event sink is not closed: who made it does that, after the last event."""
        self.fetcher.close()
        if self.vault is not None:
            await self.vault.close()
        if self.ui_proxy is not None:
            await self.ui_proxy.close()
        if isinstance(self.backend, HttpBackend):
            await self.backend.close()


def quiet_client_logs() -> None:
    """Keeps the HTTP client from logging URLs with their queries, and headers, at the levels where it does so."""
    for name in ("httpx2", "httpcore2"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _backend(settings: Settings) -> HostBackend:
    token = settings.runner_storage_api_token or settings.runner_service_token
    base = settings.storage_api_base_url or settings.registry_base_url
    if not base:
        return UnconfiguredBackend("base URL of the application not configured (STORAGE_API_BASE_URL or REGISTRY_BASE_URL)")
    if token is None or not token.get_secret_value():
        return UnconfiguredBackend("runner auth token not configured (RUNNER_STORAGE_API_TOKEN or RUNNER_SERVICE_TOKEN)")
    if settings.storage_api_base_url is None:
        base = _origin(base)
    return HttpBackend(base, token.get_secret_value())


def _origin(url: str) -> str:
    """`https://host:port` of a URL: of the registry's base, only the origin is meant."""
    scheme, separator, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}" if separator else url
