"""The client of the runner's HTTP interface: calls, UI files, health. Follows no redirects and reads no proxy variables."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import httpx2
import msgspec
import structlog

from holdfast.contract.execute import Envelope, ExecuteCall
from holdfast.gateway.http.errors import BadGateway, GatewayTimeout

# A response body is at most 2.5 MiB, a third more as base64; the rest is for headers and the report of a failure.
MAX_RESPONSE_BYTES = 8 * 1024 * 1024
# The runner enforces the deadline itself and reports how the call ended. The gateway gives up only when it reports nothing.
GRACE_SECONDS = 2.0
# A compilation ends after 180 seconds, and may have to wait for another's end.
CHECK_SECONDS = 400.0
_HINT = "Check that the runner runs: GET /healthz on its port. `holdfast up` starts it."

_log = structlog.get_logger(__name__)


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

    async def execute(self, call: ExecuteCall, headers: Mapping[str, str], *, timeout_ms: int) -> Envelope:
        """Makes one call; `timeout_ms` is the deadline in the call and covers the whole response, to its last byte.

        Raises GatewayTimeout when the runner does not respond by then, BadGateway when it is unreachable or its response is invalid.
        """
        url = f"{self.base_url}/v1/execute"
        # The guide tells operators to look for this line; the address is part of it.
        _log.info(f"Calling runner at {url}", request_id=headers.get("x-request-id"))
        seconds = timeout_ms / 1_000 + GRACE_SECONDS
        sent = {**headers, "content-type": "application/json", "accept": "application/json", "x-runner-service-token": self._token}
        try:
            async with asyncio.timeout(seconds):
                request = self._http.build_request("POST", url, content=msgspec.json.encode(call), headers=sent, timeout=seconds)
                status, body = await self._read_response(request)
        except (TimeoutError, httpx2.ReadTimeout, httpx2.WriteTimeout) as error:
            raise GatewayTimeout(f"The extension did not respond within {timeout_ms} ms.", details={"code": "timeout"}) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise BadGateway("The runner is unreachable.", hint=_HINT, details={"code": "runner_transport_error"}) from error
        return _read(status, body)

    async def check_component(self, pieces: AsyncIterator[bytes], size: int) -> tuple[int, bytes]:
        """Sends a component of `size` bytes to be compiled; returns status and body of the response.

        Raises TimeoutError and errors of httpx2.
        """
        headers = {"content-type": "application/wasm", "content-length": str(size), "x-runner-service-token": self._token}
        url = f"{self.base_url}/v1/components/check"
        request = self._http.build_request("POST", url, content=pieces, headers=headers, timeout=CHECK_SECONDS)
        async with asyncio.timeout(CHECK_SECONDS):
            return await self._read_response(request)

    async def open_ui(self, method: str, target: str, headers: Mapping[str, str]) -> httpx2.Response:
        """Requests a UI file; `target` is its path and query, checked by the caller.

        The response is open: read its raw bytes, then close it.

        Raises GatewayTimeout, BadGateway.
        """
        request = self._http.build_request(method, self.base_url + target, headers=dict(headers))
        try:
            return await self._http.send(request, stream=True)
        except httpx2.TimeoutException as error:
            raise GatewayTimeout("The runner did not respond in time.", hint=_HINT, details={"code": "runner_timeout"}) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise BadGateway("The runner is unreachable.", hint=_HINT, details={"code": "runner_unreachable"}) from error

    async def is_healthy(self) -> bool:
        """Whether the runner reports within a second that it is healthy."""
        try:
            async with asyncio.timeout(1.0):
                return (await self._http.get(f"{self.base_url}/healthz")).status_code == 200
        except (TimeoutError, httpx2.HTTPError):
            return False

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _read_response(self, request: httpx2.Request) -> tuple[int, bytes]:
        response = await self._http.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MAX_RESPONSE_BYTES:
                    raise BadGateway("The response from the runner is too large.", details={"code": "invalid_response"})
            return response.status_code, bytes(body)
        finally:
            await response.aclose()


def _read(status: int, body: bytes) -> Envelope:
    # The body of an HTTP error from the runner is neither passed on nor logged: it may quote the request.
    if status != 200:
        raise BadGateway(f"The runner rejected the call with status {status}.", details={"code": "runner_error", "runnerStatus": status})
    if not body:
        raise BadGateway("The response from the runner is empty.", details={"code": "empty_response"})
    try:
        return _ENVELOPE.decode(body)
    except msgspec.MsgspecError as error:
        raise BadGateway("Invalid response from the runner.", details={"code": "invalid_response"}) from error
