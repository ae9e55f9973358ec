"""Asks the registry whether a tenant has an extension installed in the version a page comes from."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from msgspec import Struct

from holdfast.settings import Settings

POSITIVE_SECONDS = 5.0
_REMEMBERED = 10_000
_TIMEOUT_SECONDS = 2.0
_MAX_ANSWER_BYTES = 16 * 1024

_log = structlog.get_logger(__name__)


class _Answer(Struct, frozen=True):
    valid: bool
    tenant_id: str | None = None


class InstallValidator:
    """`GET {registry}/api/installs/validate?tenant=&extension=&hash=`. A yes is remembered for five seconds; a no, and a failure, never."""

    def __init__(
        self,
        base_url: str | None,
        headers: dict[str, str],
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Of `base_url` only the origin counts; None means that there is no registry and every answer is no. `now` is in seconds."""
        parts = urlsplit(base_url or "")
        self._url = f"{parts.scheme}://{parts.netloc}/api/installs/validate" if parts.netloc else None
        self._now = now
        self._valid: OrderedDict[tuple[str | None, str, str], tuple[float, str]] = OrderedDict()
        self._http = httpx2.AsyncClient(
            headers=headers, timeout=_TIMEOUT_SECONDS, follow_redirects=False, trust_env=False, transport=transport
        )

    @classmethod
    def from_settings(cls, settings: Settings, token: str) -> InstallValidator:
        """With the key of the install lookups, and the token, whichever the registry knows."""
        internal = settings.runner_storage_api_token
        headers = {"x-runner-auth": internal.get_secret_value() if internal is not None else token}
        if settings.alga_auth_key is not None:
            headers["x-api-key"] = settings.alga_auth_key.get_secret_value()
        return cls(settings.registry_base_url, headers)

    async def tenant_of(self, tenant_id: str | None, extension_id: str, content_hash: str) -> str | None:
        """The tenant that has this version installed: `tenant_id` itself, or, when it is None, any that the registry names.

        None when nobody has, and when the registry cannot be asked; the latter is logged.
        """
        key = (tenant_id, extension_id, content_hash)
        known = self._valid.get(key)
        if known is not None and known[0] > self._now():
            return known[1]
        answer = await self._ask(tenant_id, extension_id, content_hash)
        found = None if answer is None or not answer.valid else tenant_id or answer.tenant_id
        if found is None:
            self._valid.pop(key, None)
            return None
        self._valid[key] = (self._now() + POSITIVE_SECONDS, found)
        self._valid.move_to_end(key)
        if len(self._valid) > _REMEMBERED:
            self._valid.popitem(last=False)
        return found

    @property
    def headers(self) -> Mapping[str, str]:
        """What every question carries."""
        return self._http.headers

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _ask(self, tenant_id: str | None, extension_id: str, content_hash: str) -> _Answer | None:
        if self._url is None:
            _log.warning("Extension pages cannot be checked: there is no registry. Set REGISTRY_BASE_URL")
            return None
        params = {"extension": extension_id, "hash": content_hash} | ({} if tenant_id is None else {"tenant": tenant_id})
        try:
            async with self._http.stream("GET", self._url, params=params) as response:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > _MAX_ANSWER_BYTES:
                        raise msgspec.DecodeError("too long")
                if not response.is_success:
                    _log.warning("The registry refused to check an extension page", status=response.status_code)
                    return None
                return msgspec.json.decode(bytes(body), type=_Answer)
        except (httpx2.HTTPError, httpx2.InvalidURL, msgspec.DecodeError, UnicodeDecodeError) as error:
            _log.warning("The registry could not be asked about an extension page", problem=type(error).__name__)
            return None
