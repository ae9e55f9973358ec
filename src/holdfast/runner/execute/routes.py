"""`POST /v1/execute` and `POST /warmup`: who may ask, what they sent, and what they get."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from holdfast.contract.execute import ExecuteCall
from holdfast.http.responses import json_response
from holdfast.runner.errors import InvalidIdempotencyKey, WarmupIncomplete, WrongShape
from holdfast.runner.execute.access_log import CallLog
from holdfast.runner.execute.disconnect import Callers
from holdfast.runner.execute.execution import Routing
from holdfast.runner.execute.idempotency import KEY_MAX_CHARACTERS
from holdfast.runner.execute.schemas import WarmupCall, decode, encode
from holdfast.runner.http.fast_path import RawHeaders
from holdfast.runner.http.responses import (
    FastJsonResponse,
    header_table,
    outcome_of,
    read_json,
    require_json,
    respond_to_errors,
    response_to,
)
from holdfast.runner.http.service_token import require_token
from holdfast.runner.services import RunnerServices

PATH = "/v1/execute"
_BODY_OVERHEAD_BYTES = 1024 * 1024
_WARMUP_MAX_BYTES = 16 * 1024


class Execute:
    """`POST /v1/execute` without a framework's routing, request and response: an application of ASGI, and the server's short route."""

    path = PATH.encode()

    def __init__(self, services: RunnerServices) -> None:
        self._token = services.caller_token
        self._run = services.calls.run
        self._callers = Callers()
        self._log = CallLog(services.metrics)
        # Base64 makes four bytes of three; the rest is room for context, headers and configuration.
        self._max_bytes = services.settings.request_body_max_bytes * 4 // 3 + _BODY_OVERHEAD_BYTES

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            headers = header_table(scope["headers"])
            require_token(headers, self._token)
            body = await read_json(headers, receive, self._max_bytes)
            answer: Response | FastJsonResponse = await self._callers.unless_gone(receive, self._answered(headers, body))
        except (Exception, asyncio.CancelledError) as error:
            answer = self._refused(error)
        await answer(scope, receive, send)

    async def answer(self, headers: RawHeaders, body: bytes, gone: Callable[[], bool]) -> Response | FastJsonResponse:
        """As `runner.protocol.ShortRoute`."""
        try:
            table = header_table(headers)
            require_token(table, self._token)
            require_json(table)
            return await self._answered(table, body)
        except asyncio.CancelledError as error:
            return self._refused(ClientDisconnect() if gone() else error)
        except Exception as error:
            return self._refused(error)

    async def _answered(self, headers: Mapping[str, str], body: bytes) -> FastJsonResponse:
        started = time.perf_counter()
        call = decode(body, ExecuteCall)
        routing = Routing(
            tenant_id=headers.get("x-alga-tenant", "").strip(),
            extension_id=headers.get("x-alga-extension", "").strip(),
            request_id=headers.get("x-request-id") or None,
            idempotency_key=_idempotency_key(headers),
        )
        envelope = await self._run(call, routing)
        self._log.ended(call.context, routing.request_id, envelope, time.perf_counter() - started)
        return FastJsonResponse(encode(envelope))

    def _refused(self, error: BaseException) -> Response:
        self._log.refused(outcome_of(error))
        return response_to(error, PATH)


def routes(services: RunnerServices, calls: Execute) -> list[BaseRoute]:
    """The two routes that need the service token. `calls` answers the first of them."""

    async def warmup(request: Request) -> Response:
        require_token(request.headers, services.caller_token)
        call = _warmup(await read_json(request.headers, request.receive, _WARMUP_MAX_BYTES))
        async with services.cache.use(call.tenant_id, call.extension_id, call.content_hash) as bundle:
            if bundle.component is not None and bundle.component_sha256 is not None:
                await services.engine.load(bundle.component, bundle.component_sha256)
            return json_response({"ok": True, "component": bundle.component is not None})

    return [Route(PATH, calls, methods=["POST"]), Route("/warmup", respond_to_errors(warmup), methods=["POST"])]


def _idempotency_key(headers: Mapping[str, str]) -> str | None:
    key = headers.get("x-idempotency-key", "").strip()
    if len(key) > KEY_MAX_CHARACTERS:
        raise InvalidIdempotencyKey(f"The idempotency key has more than {KEY_MAX_CHARACTERS} characters.", hint="Send a UUID.")
    return key or None


def _warmup(body: bytes) -> WarmupCall:
    """Callers of the existing runner know 400 with this text for a body that names only the hash."""
    try:
        return decode(body, WarmupCall)
    except WrongShape as error:
        raise WarmupIncomplete(
            "warmup unsupported without tenant + extension context",
            hint=f"Send tenant_id, extension_id and content_hash. {error.message}",
        ) from None
