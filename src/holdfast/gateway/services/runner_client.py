"""The gateway's side of the runner's HTTP interface: calls, UI files, health. No redirect is followed, no proxy variable read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog
from msgspec import Struct

from holdfast.gateway.http.errors import BadGateway, GatewayTimeout

# An answer body is at most 2.5 MiB, a third more as base64; the rest is room for headers and the account of a failure.
MAX_ANSWER_BYTES = 8 * 1024 * 1024
# The runner keeps the deadline itself and says how the call ended. Only when it says nothing does the gateway give up.
GRACE_SECONDS = 2.0
# A compilation ends after 180 seconds, and may have to wait for another's end.
CHECK_SECONDS = 400.0
_HINT = "Is the runner running? GET /healthz on its port tells; `holdfast up` starts it."

_log = structlog.get_logger(__name__)


class Failure(Struct, frozen=True):
    """How a call failed: a stable code, a sentence, the guest's own stack (innermost first) and what it wrote to stderr."""

    code: str
    message: str = ""
    guest_stack: list[str] = msgspec.field(default_factory=list)
    stderr: list[str] = msgspec.field(default_factory=list)


class Envelope(Struct, frozen=True):
    """The runner's answer. `error` is None when the extension answered; then `status`, headers and `body_b64` are its own.

    `header_list`, which not every runner sends, has repeated headers one by one and in order; `headers` has them by name.
    """

    status: int
    headers: dict[str, str | list[str]] = msgspec.field(default_factory=dict)
    body_b64: str | None = None
    error: str | None = None
    failure: Failure | None = None
    header_list: list[tuple[str, str]] | None = None

    def header_pairs(self) -> list[tuple[str, str]]:
        """The extension's headers as (name, value), repeated ones one by one where the runner says so."""
        if self.header_list is not None:
            return self.header_list
        return [(name, value) for name, given in self.headers.items() for value in ([given] if isinstance(given, str) else given)]


_ENVELOPE = msgspec.json.Decoder(Envelope)


class RunnerClient:
    """One runner at `base_url` (scheme, host, port and, behind a proxy, a path). `token` proves to it that this is the gateway."""

    def __init__(self, base_url: str, token: str, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        parts = urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise ValueError(f"the runner's address is not an http(s) URL: {base_url!r}")
        self.base_url = base_url.rstrip("/")
        self._token = token
        self._http = httpx2.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            timeout=httpx2.Timeout(30.0, connect=5.0),
            limits=httpx2.Limits(max_connections=512, max_keepalive_connections=64),
        )

    async def execute(self, payload: Mapping[str, Any], headers: Mapping[str, str], *, timeout_ms: int) -> Envelope:
        """Makes one call; `timeout_ms` is the deadline the payload gives it and covers the whole answer, to its last byte.

        Raises GatewayTimeout when the runner keeps silent past it, BadGateway when it cannot be reached or does not answer as agreed.
        """
        url = f"{self.base_url}/v1/execute"
        _log.info(f"Calling runner at {url}", request_id=headers.get("x-request-id"))
        seconds = timeout_ms / 1_000 + GRACE_SECONDS
        sent = {**headers, "content-type": "application/json", "accept": "application/json", "x-runner-service-token": self._token}
        try:
            async with asyncio.timeout(seconds):
                request = self._http.build_request("POST", url, content=msgspec.json.encode(payload), headers=sent, timeout=seconds)
                status, body = await self._answer(request)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise GatewayTimeout(f"The extension did not answer within {timeout_ms} ms.", details={"code": "timeout"}) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise BadGateway("The runner could not be reached.", hint=_HINT, details={"code": "runner_transport_error"}) from error
        return _read(status, body)

    async def check_component(self, pieces: AsyncIterator[bytes], size: int) -> tuple[int, bytes]:
        """Sends a component of `size` bytes to be compiled. Status and body of the answer. Raises TimeoutError and errors of httpx2."""
        headers = {"content-type": "application/wasm", "content-length": str(size), "x-runner-service-token": self._token}
        url = f"{self.base_url}/v1/components/check"
        request = self._http.build_request("POST", url, content=pieces, headers=headers, timeout=CHECK_SECONDS)
        async with asyncio.timeout(CHECK_SECONDS):
            return await self._answer(request)

    async def open_ui(self, method: str, target: str, headers: Mapping[str, str]) -> httpx2.Response:
        """Asks for a UI file; `target` is its path and query, checked by the caller. The answer is open: read its raw bytes, then close it.

        Raises GatewayTimeout, BadGateway.
        """
        request = self._http.build_request(method, self.base_url + target, headers=dict(headers))
        try:
            return await self._http.send(request, stream=True)
        except httpx2.TimeoutException as error:
            raise GatewayTimeout("The runner did not answer in time.", hint=_HINT, details={"code": "runner_timeout"}) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise BadGateway("The runner could not be reached.", hint=_HINT, details={"code": "runner_unreachable"}) from error

    async def is_healthy(self) -> bool:
        """Whether the runner says, within a second, that it is well."""
        try:
            async with asyncio.timeout(1.0):
                return (await self._http.get(f"{self.base_url}/healthz")).status_code == 200
        except (TimeoutError, httpx2.HTTPError):
            return False

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _answer(self, request: httpx2.Request) -> tuple[int, bytes]:
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise BadGateway("The runner's answer is too large.", details={"code": "invalid_response"})
            return response.status_code, bytes(body)
        finally:
            await response.aclose()


def _read(status: int, body: bytes) -> Envelope:
    # What the runner says in an HTTP error is for the operator, not for callers, and not for logs: it may quote a request.
    if status != 200:
        raise BadGateway(f"The runner refused the call with status {status}.", details={"code": "runner_error", "runnerStatus": status})
    if not body:
        raise BadGateway("The runner's answer is empty.", details={"code": "empty_response"})
    try:
        return _ENVELOPE.decode(body)
    except msgspec.MsgspecError as error:
        raise BadGateway("The runner's answer is not of the agreed form.", details={"code": "invalid_response"}) from error
