"""The client of the runners: calls, UI files, component checks, health. Follows no redirects and reads no proxy variables.

execute ──▶ the runners in their order for the bundle (see `selection`)
              │
              ├──▶ response ───────────────────────────────────▶ envelope
              ├──▶ nothing was executed, or too many calls run ─▶ the next runner
              ├──▶ the bundle is being prepared ────────────────▶ wait for that, then send the call again
              └──▶ anything else ───────────────────────────────▶ error: another runner could execute the call a second time
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

import httpx2
import structlog

from holdfast.contract.execute import BEING_PREPARED, Envelope, ExecuteCall, FailureReport
from holdfast.gateway.http.errors import BadGateway, BeingPrepared, GatewayTimeout
from holdfast.gateway.runners.health import RunnerHealth
from holdfast.gateway.runners.runner import HINT, MAX_RESPONSE_BYTES, NotExecuted, Runner
from holdfast.gateway.runners.selection import RunnerSelection
from holdfast.gateway.runners.warmups import Bundle, Prepared, Warmups
from holdfast.http.tls import tls_context_for
from holdfast.logs import fast_info
from holdfast.settings import Settings

# The runner enforces the deadline itself and reports how the call ended. The gateway gives up only when it reports nothing.
GRACE_SECONDS = 2.0
# A compilation ends after 180 seconds, and may have to wait for another's end.
CHECK_SECONDS = 400.0
HEALTH_SECONDS = 1.0
EAGER_RUNNERS = 2
"""A bundle is prepared in advance on this many runners: the one to which it belongs, and the one that takes over."""

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class RunnerClient:
    """The runners at `base_urls`: addresses (scheme, host, port and, behind a proxy, a path) separated by commas."""

    def __init__(
        self, base_urls: str, token: str, *, socket_dir: Path | None = None, transport: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        """`token` proves to them that this is the gateway; `socket_dir` has the Unix sockets of the first one, if it is on this machine.

        Raises ValueError when an address is not an http(s) URL.
        """
        addresses = list(dict.fromkeys(url.strip().rstrip("/") for url in base_urls.split(",") if url.strip()))
        if not addresses:
            raise ValueError("no runner is named")
        self.runners = [Runner(url, token, socket_dir=None if index else socket_dir) for index, url in enumerate(addresses)]
        self._token = token
        self._selection = RunnerSelection(self.runners)
        self._health = RunnerHealth(self.runners, self._is_ready)
        self._warmups = Warmups()
        self._http = httpx2.AsyncClient(
            transport=transport,
            follow_redirects=False,
            trust_env=False,
            verify=tls_context_for(addresses),
            timeout=httpx2.Timeout(30.0, connect=5.0),
            limits=httpx2.Limits(max_connections=512, max_keepalive_connections=64),
        )

    @classmethod
    def from_settings(cls, settings: Settings, token: str) -> RunnerClient:
        """The runners that the settings name. Raises ValueError when they name none."""
        return cls(settings.resolved_runner_base_url or "", token, socket_dir=settings.runner_socket_dir)

    @property
    def base_url(self) -> str:
        """The addresses, for people."""
        return ", ".join(runner.name for runner in self.runners)

    async def execute(self, call: ExecuteCall, headers: Mapping[str, str], *, body: bytes | None, timeout_ms: int) -> Envelope:
        """Makes one call; `timeout_ms` is the deadline in the call and covers the whole response, to its last byte.

        `body_b64` of the call is `""` when there is a `body`, else absent. While the bundle is being prepared, the call waits, at most as
        long as its deadline, which starts again after that.

        Raises GatewayTimeout when the runner does not respond by then, BadGateway when no runner is reachable or the response is invalid,
        BeingPrepared when the bundle is not ready yet.
        """
        if len(self.runners) == 1:
            candidates = self.runners
        else:
            self._health.start()
            candidates = [self.runners[index] for index in self._selection.candidates(call.context.content_hash)]
        refusal: NotExecuted | None = None
        busy: Envelope | None = None
        for runner in candidates:
            # The guide tells operators to look for this line; the address is part of it.
            fast_info(_log, f"Calling runner at {runner.name}/v1/execute", request_id=headers.get("x-request-id"))
            try:
                envelope = await self._execute_on(runner, call, body, headers, timeout_ms)
            except NotExecuted as error:
                self._health.mark_down(runner)
                refusal = error
                continue
            if envelope.error is None or _code(envelope) != "busy":
                return envelope
            busy = envelope
        if busy is not None:
            return busy
        raise BadGateway("The runner is unreachable.", hint=HINT, details={"code": "runner_transport_error"}) from refusal

    def prepare(self, bundle: Bundle) -> None:
        """Has the runners that will run the bundle fetch and compile it, without waiting for that."""
        for index in self._selection.order(bundle.content_hash)[:EAGER_RUNNERS]:
            self._warmups.start(self.runners[index], bundle)

    async def check_component(self, pieces: Callable[[], AsyncIterator[bytes]], size: int) -> tuple[int, bytes]:
        """Sends a component of `size` bytes to be compiled; returns status and body of the response. `pieces` opens it, for each attempt.

        Raises BadGateway, TimeoutError and errors of httpx2.
        """
        headers = {"content-type": "application/wasm", "content-length": str(size), "x-runner-service-token": self._token}

        async def send(runner: Runner) -> tuple[int, bytes]:
            url = f"{runner.base_url}/v1/components/check"
            request = self._http.build_request("POST", url, content=pieces(), headers=headers, timeout=CHECK_SECONDS)
            return await self._read_response(request)

        async with asyncio.timeout(CHECK_SECONDS):
            return await self._try_in_order(str(size), send)

    async def open_ui(self, method: str, target: str, headers: Mapping[str, str], *, content_hash: str) -> httpx2.Response:
        """Requests a UI file of a bundle; `target` is its path and query, checked by the caller.

        The response is open: read its raw bytes, then close it.

        Raises GatewayTimeout, BadGateway.
        """

        async def send(runner: Runner) -> httpx2.Response:
            request = self._http.build_request(method, runner.base_url + target, headers=dict(headers))
            return await self._http.send(request, stream=True)

        try:
            return await self._try_in_order(content_hash, send)
        except httpx2.TimeoutException as error:
            raise GatewayTimeout("The runner did not respond in time.", hint=HINT, details={"code": "runner_timeout"}) from error
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise BadGateway("The runner is unreachable.", hint=HINT, details={"code": "runner_unreachable"}) from error

    async def is_healthy(self) -> bool:
        """Whether at least one runner reports within a second that it is healthy."""
        return any((await self.health()).values())

    async def health(self) -> dict[str, bool]:
        """Whether each of the runners, by address, reports within a second that it is healthy."""
        healthy = await asyncio.gather(*[self._responds(runner, "/healthz") for runner in self.runners])
        return {runner.name: is_healthy == 200 for runner, is_healthy in zip(self.runners, healthy, strict=True)}

    async def close(self) -> None:
        """Closes the connections."""
        await self._health.close()
        await self._warmups.close()
        await asyncio.gather(*[runner.close() for runner in self.runners])
        await self._http.aclose()

    async def _execute_on(
        self, runner: Runner, call: ExecuteCall, body: bytes | None, headers: Mapping[str, str], timeout_ms: int
    ) -> Envelope:
        seconds = timeout_ms / 1_000 + GRACE_SECONDS
        envelope = await runner.execute(call, body, headers, seconds=seconds, prepared_only=True)
        if envelope.error is None or _code(envelope) != BEING_PREPARED:
            return envelope
        context = call.context
        bundle = Bundle(context.tenant_id, context.extension_id, context.content_hash)
        if await self._warmups.wait_until_prepared(runner, bundle, timeout_ms / 1_000) is Prepared.NOT_YET:
            raise BeingPrepared("The extension is being prepared for its first call.", hint="Call again in some seconds.")
        # Without the condition: should the preparation have failed, the runner reports why.
        return await runner.execute(call, body, headers, seconds=seconds, prepared_only=False)

    async def _try_in_order(self, key: str, send: Callable[[Runner], Awaitable[T]]) -> T:
        """The result of the first runner with which there is a connection."""
        candidates = [self.runners[index] for index in self._selection.candidates(key)]
        for runner in candidates[:-1]:
            try:
                return await send(runner)
            except (httpx2.ConnectError, httpx2.ConnectTimeout):
                self._health.mark_down(runner)
        return await send(candidates[-1])

    async def _is_ready(self, runner: Runner) -> bool:
        status = await self._responds(runner, "/readyz")
        if status == 404:  # a runner of the existing platform
            status = await self._responds(runner, "/healthz")
        return status == 200

    async def _responds(self, runner: Runner, path: str) -> int | None:
        """The status of the response, or None without one within a second."""
        try:
            async with asyncio.timeout(HEALTH_SECONDS):
                return (await self._http.get(f"{runner.base_url}{path}")).status_code
        except (TimeoutError, httpx2.HTTPError):
            return None

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


def _code(envelope: Envelope) -> str:
    return envelope.failure.code if isinstance(envelope.failure, FailureReport) else ""
