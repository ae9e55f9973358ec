"""`POST /v1/execute`: checks the token, decodes the call, runs it and encodes its envelope."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

from starlette.types import Receive, Scope, Send

from holdfast.contract.execute import PREPARED_ONLY_HEADER, USAGE_HEADER
from holdfast.http.fast_path import FastCall, Respond, header_table
from holdfast.runner.endpoints.call_forms import accepts_frames, decode_call, encode_envelope, is_framed, require_call
from holdfast.runner.execute.execution import Routing
from holdfast.runner.execute.idempotency import KEY_MAX_CHARACTERS
from holdfast.runner.http.errors import InvalidIdempotencyKey
from holdfast.runner.http.fast_response import FastResponse
from holdfast.runner.http.json_body import read_body
from holdfast.runner.http.trusted_callers import require_caller
from holdfast.runner.services import RunnerServices

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    AnyResponse = FastResponse | Response

PATH = "/v1/execute"
_TARGET = PATH.encode()
_BODY_OVERHEAD_BYTES = 1024 * 1024


async def execute(services: RunnerServices, request: Request) -> Response:
    """Runs a call that arrives through Starlette's routing. With the fast path, `ExecuteEndpoint` gets the requests first."""
    return cast("Response", await ExecuteEndpoint(services).respond_to_request(request.scope, request.receive))


class ExecuteEndpoint:
    """`POST /v1/execute` without a framework's routing, request and response: an ASGI application, and the server's fast route."""

    def __init__(self, services: RunnerServices) -> None:
        self._token = services.caller_token
        self._trusted = services.trusted_callers
        self._run = services.calls.run
        self._watcher = services.disconnects
        self._log = services.call_log
        # Base64 turns three bytes into four; the rest is for context, headers and configuration.
        self._max_bytes = services.settings.request_body_max_bytes * 4 // 3 + _BODY_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.respond_to_request(scope, receive)
        await response(scope, receive, send)

    async def respond_to_request(self, scope: Scope, receive: Receive) -> AnyResponse:
        """The response to a request whose body is not read yet. Never raises: an error becomes a response."""
        try:
            headers = header_table(scope["headers"])
            require_caller(headers, self._token, scope.get("client"), self._trusted)
            require_call(headers)
            body = await read_body(headers, receive, self._max_bytes)
            return await self._watcher.run_until_disconnect(receive, self._respond(headers, body))
        except (Exception, asyncio.CancelledError) as error:
            return self._respond_to_error(error)

    def find_fast(self, method: bytes, target: bytes) -> Respond | None:
        """As `FastRoutes`."""
        return self.respond if target == _TARGET and method == b"POST" else None

    async def respond(self, call: FastCall) -> AnyResponse:
        """As `Respond`."""
        try:
            table = header_table(call.headers)
            require_caller(table, self._token, call.client, self._trusted)
            require_call(table)
            return await self._respond(table, bytes(call.body))
        except asyncio.CancelledError as error:
            from starlette.requests import ClientDisconnect

            return self._respond_to_error(ClientDisconnect() if call.disconnected else error)
        except Exception as error:
            return self._respond_to_error(error)

    async def _respond(self, headers: Mapping[str, str], body: bytes) -> FastResponse:
        started = time.perf_counter()
        framed = is_framed(headers)
        call, guest_body = decode_call(body, framed=framed)
        routing = Routing(
            tenant_id=headers.get("x-alga-tenant", "").strip(),
            extension_id=headers.get("x-alga-extension", "").strip(),
            request_id=headers.get("x-request-id") or None,
            idempotency_key=_idempotency_key(headers),
            prepared_only=PREPARED_ONLY_HEADER in headers,
            reports_usage=framed or headers.get(USAGE_HEADER) == "1",
        )
        envelope = await self._run(call, guest_body, routing)
        self._log.call_ended(call.context, routing.request_id, envelope, time.perf_counter() - started)
        return encode_envelope(envelope, framed=framed or accepts_frames(headers))

    def _respond_to_error(self, error: BaseException) -> Response:
        from holdfast.runner.http.responses import outcome_of, response_to

        self._log.request_failed(outcome_of(error))
        return response_to(error, PATH)


def _idempotency_key(headers: Mapping[str, str]) -> str | None:
    key = headers.get("x-idempotency-key", "").strip()
    if len(key) > KEY_MAX_CHARACTERS:
        raise InvalidIdempotencyKey(f"The idempotency key has more than {KEY_MAX_CHARACTERS} characters.", hint="Send a UUID.")
    return key or None
