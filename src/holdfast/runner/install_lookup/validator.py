"""Requests to the registry about installs: which tenant has the version of a page, and which install has a host name."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import msgspec
import structlog
from cachetools import TTLCache

from holdfast.bundles.store.hashing import InvalidContentHash, normalize_content_hash
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.concurrency.single_flight import SingleFlight
from holdfast.contract.install_lookup import InstallAddress, InstallValidation
from holdfast.errors import HoldfastError
from holdfast.runner.install_lookup.api_key import lookup_key
from holdfast.runner.install_lookup.client import RegistryClient, RegistryNotSet, RegistryUnreachable
from holdfast.settings import Settings

if TYPE_CHECKING:
    import httpx2

POSITIVE_SECONDS = 5.0
_MAX_ENTRIES = 10_000

_log = structlog.get_logger(__name__)
_Lookup = tuple[str | None, str, str]


class HostUnknown(HoldfastError):
    """Raised when no enabled install has a host name."""

    code = "not_found"
    status = 404


class RegistryRefused(HoldfastError):
    """Raised when the registry responds with an error, or its response is invalid."""

    code = "registry_refused"
    status = 502


class InstallValidator:
    """`GET {registry}/api/installs/…`. A positive result is cached for five seconds; a negative one, and a failure, never."""

    def __init__(
        self,
        base_url: str | None,
        headers: dict[str, str],
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """As in `RegistryClient`; without a registry no install is valid. `now` is in seconds."""
        self._registry = RegistryClient(base_url, headers, transport=transport)
        self._valid: TTLCache[_Lookup, str] = TTLCache(_MAX_ENTRIES, POSITIVE_SECONDS, timer=now)
        self._requests: SingleFlight[_Lookup, str | None] = SingleFlight("validate an install")

    @classmethod
    def from_settings(cls, settings: Settings, token: str) -> InstallValidator:
        """Sends the key of the install lookups and the token of our own calls; the registry accepts either. Raises LookupKeyUnusable."""
        headers = {"x-runner-auth": token}
        key = lookup_key(settings)
        if key is not None:
            headers["x-api-key"] = key
        return cls(settings.registry_base_url, headers)

    async def tenant_of(self, tenant_id: str | None, extension_id: str, content_hash: str) -> str | None:
        """The tenant that has this version installed: `tenant_id` itself, or, when it is None, any that the registry names.

        None when no tenant has it, and when the registry is unavailable, which is logged. Equal lookups at the same time make one request.
        """
        lookup = (tenant_id, extension_id, content_hash)
        known: str | None = self._valid.get(lookup)
        if known is not None:
            return known
        return await self._requests.run(lookup, lambda: self._find(lookup))

    async def install_at(self, host: str) -> InstallAddress:
        """The enabled install with this host name. Never cached.

        Raises HostUnknown, RegistryNotSet, RegistryUnreachable, RegistryRefused.
        """
        status, body = await self._registry.get("/api/installs/lookup-by-host", {"host": host})
        if status == 404:
            raise HostUnknown("No extension is installed under this host name.", hint="Check that the extension is installed and enabled.")
        if not 200 <= status < 300:
            _log.warning("The registry rejected the lookup of a host name", status=status)
            raise RegistryRefused(f"The registry responded to the lookup of a host name with status {status}.", hint=_hint(status))
        try:
            found = msgspec.json.decode(body, type=InstallAddress)
            digest = normalize_content_hash(found.content_hash)
            bundle_key(found.tenant_id, found.extension_id, digest)
        except (msgspec.DecodeError, UnicodeDecodeError, InvalidBundleKey, InvalidContentHash) as error:
            _log.warning("The registry's response about a host name is invalid", problem=type(error).__name__)
            raise RegistryRefused("The response from the registry about this host name is invalid.") from error
        return InstallAddress(found.tenant_id, found.extension_id, f"sha256:{digest}")

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers of every request."""
        return self._registry.headers

    async def close(self) -> None:
        """Cancels requests that run and closes the connections."""
        await self._requests.close()
        await self._registry.close()

    async def _find(self, lookup: _Lookup) -> str | None:
        tenant_id, extension_id, content_hash = lookup
        response = await self._request(tenant_id, extension_id, content_hash)
        found = None if response is None or not response.valid else tenant_id or response.tenant_id or None
        if found is None:
            self._valid.pop(lookup, None)
            return None
        self._valid[lookup] = found
        return found

    async def _request(self, tenant_id: str | None, extension_id: str, content_hash: str) -> InstallValidation | None:
        params = {"extension": extension_id, "hash": content_hash} | ({} if tenant_id is None else {"tenant": tenant_id})
        try:
            status, body = await self._registry.get("/api/installs/validate", params)
            if not 200 <= status < 300:
                _log.warning("The registry rejected the check of an extension page", status=status)
                return None
            return msgspec.json.decode(body, type=InstallValidation)
        except RegistryNotSet:
            _log.warning("Extension pages cannot be checked without a registry. Set REGISTRY_BASE_URL")
        except (RegistryUnreachable, msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = error.message if isinstance(error, RegistryUnreachable) else type(error).__name__
            _log.warning("The registry is unavailable to check an extension page", problem=problem)
        return None


def _hint(status: int) -> str | None:
    return "Set ALGA_AUTH_KEY to the key that the registry knows." if status in (401, 403) else None
