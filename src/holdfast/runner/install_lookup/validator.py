"""What the registry says about installs: which tenant has the version a page comes from, and which install a host name belongs to."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping

import httpx2
import msgspec
import structlog

from holdfast.bundles.store.hashing import InvalidContentHash, normalize_content_hash
from holdfast.bundles.store.keys import InvalidBundleKey, bundle_key
from holdfast.concurrency.single_flight import SingleFlight
from holdfast.contract.install_lookup import InstallAddress, InstallValidation
from holdfast.errors import HoldfastError
from holdfast.runner.install_lookup.api_key import lookup_key
from holdfast.runner.install_lookup.client import RegistryClient, RegistryNotSet, RegistryUnreachable
from holdfast.settings import Settings

POSITIVE_SECONDS = 5.0
_REMEMBERED = 10_000

_log = structlog.get_logger(__name__)
_Question = tuple[str | None, str, str]


class HostUnknown(HoldfastError):
    """Raised when no enabled install has a host name."""

    code = "not_found"
    status = 404


class RegistryRefused(HoldfastError):
    """Raised when the registry answers with an error, or with something that is no answer."""

    code = "registry_refused"
    status = 502


class InstallValidator:
    """`GET {registry}/api/installs/…`. A yes is remembered for five seconds; a no, and a failure, never."""

    def __init__(
        self,
        base_url: str | None,
        headers: dict[str, str],
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """As in `RegistryClient`; without a registry every answer is no. `now` is in seconds."""
        self._registry = RegistryClient(base_url, headers, transport=transport)
        self._now = now
        self._valid: OrderedDict[_Question, tuple[float, str]] = OrderedDict()
        self._requests: SingleFlight[_Question, str | None] = SingleFlight("validate an install")

    @classmethod
    def from_settings(cls, settings: Settings, token: str) -> InstallValidator:
        """With the key of the install lookups, and the token of our own calls, whichever the registry knows. Raises LookupKeyUnusable."""
        headers = {"x-runner-auth": token}
        key = lookup_key(settings)
        if key is not None:
            headers["x-api-key"] = key
        return cls(settings.registry_base_url, headers)

    async def tenant_of(self, tenant_id: str | None, extension_id: str, content_hash: str) -> str | None:
        """The tenant that has this version installed: `tenant_id` itself, or, when it is None, any that the registry names.

        None when nobody has, and when the registry cannot be asked; the latter is logged. Equal questions at once are asked once.
        """
        question = (tenant_id, extension_id, content_hash)
        known = self._valid.get(question)
        if known is not None and known[0] > self._now():
            return known[1]
        return await self._requests.run(question, lambda: self._find(question))

    async def install_at(self, host: str) -> InstallAddress:
        """The enabled install whose host name this is. Never remembered.

        Raises HostUnknown, RegistryNotSet, RegistryUnreachable, RegistryRefused.
        """
        status, body = await self._registry.get("/api/installs/lookup-by-host", {"host": host})
        if status == 404:
            raise HostUnknown("No extension is installed under this host name.", hint="Is the extension installed and enabled?")
        if not 200 <= status < 300:
            _log.warning("The registry refused to look up a host name", status=status)
            raise RegistryRefused(f"The registry answered the lookup of a host name with status {status}.", hint=_hint(status))
        try:
            found = msgspec.json.decode(body, type=InstallAddress)
            digest = normalize_content_hash(found.content_hash)
            bundle_key(found.tenant_id, found.extension_id, digest)
        except (msgspec.DecodeError, UnicodeDecodeError, InvalidBundleKey, InvalidContentHash) as error:
            _log.warning("The registry's answer about a host name is not of the agreed form", problem=type(error).__name__)
            raise RegistryRefused("The registry's answer about this host name is not of the agreed form.") from error
        return InstallAddress(found.tenant_id, found.extension_id, f"sha256:{digest}")

    @property
    def headers(self) -> Mapping[str, str]:
        """What every question carries."""
        return self._registry.headers

    async def close(self) -> None:
        """Ends questions that are under way and closes the connections."""
        await self._requests.close()
        await self._registry.close()

    async def _find(self, question: _Question) -> str | None:
        tenant_id, extension_id, content_hash = question
        answer = await self._ask(tenant_id, extension_id, content_hash)
        found = None if answer is None or not answer.valid else tenant_id or answer.tenant_id or None
        if found is None:
            self._valid.pop(question, None)
            return None
        self._valid[question] = (self._now() + POSITIVE_SECONDS, found)
        self._valid.move_to_end(question)
        if len(self._valid) > _REMEMBERED:
            self._valid.popitem(last=False)
        return found

    async def _ask(self, tenant_id: str | None, extension_id: str, content_hash: str) -> InstallValidation | None:
        params = {"extension": extension_id, "hash": content_hash} | ({} if tenant_id is None else {"tenant": tenant_id})
        try:
            status, body = await self._registry.get("/api/installs/validate", params)
            if not 200 <= status < 300:
                _log.warning("The registry refused to check an extension page", status=status)
                return None
            return msgspec.json.decode(body, type=InstallValidation)
        except RegistryNotSet:
            _log.warning("Extension pages cannot be checked: there is no registry. Set REGISTRY_BASE_URL")
        except (RegistryUnreachable, msgspec.DecodeError, UnicodeDecodeError) as error:
            problem = error.message if isinstance(error, RegistryUnreachable) else type(error).__name__
            _log.warning("The registry could not be asked about an extension page", problem=problem)
        return None


def _hint(status: int) -> str | None:
    return "Set ALGA_AUTH_KEY to the key that the registry knows." if status in (401, 403) else None
