"""`POST /v1/execute` and `POST /warmup`: who may ask, what they sent, and what they get."""

from __future__ import annotations

import asyncio
import time

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from holdfast.runner.answers import guarded, json_answer, read_json
from holdfast.runner.calls import Routing
from holdfast.runner.errors import InvalidIdempotencyKey, WarmupIncomplete, WrongShape
from holdfast.runner.idempotency import KEY_MAX_CHARACTERS
from holdfast.runner.services import RunnerServices
from holdfast.runner.tokens import require_token
from holdfast.runner.wire import Envelope, ExecuteCall, WarmupCall, decode

_BODY_OVERHEAD_BYTES = 1024 * 1024
_WARMUP_MAX_BYTES = 16 * 1024

_log = structlog.get_logger(__name__)


def routes(services: RunnerServices) -> list[BaseRoute]:
    """The two routes that need the service token."""
    # Base64 makes four bytes of three; the rest is room for context, headers and configuration.
    max_bytes = services.settings.request_body_max_bytes * 4 // 3 + _BODY_OVERHEAD_BYTES

    async def execute(request: Request) -> Response:
        started = time.perf_counter()
        require_token(request, services.caller_token)
        call = decode(await read_json(request, max_bytes), ExecuteCall)
        routing = Routing(
            tenant_id=request.headers.get("x-alga-tenant", "").strip(),
            extension_id=request.headers.get("x-alga-extension", "").strip(),
            request_id=request.headers.get("x-request-id") or None,
            idempotency_key=_idempotency_key(request),
        )
        envelope = await _unless_gone(request, services, call, routing)
        _log.info(
            "[POST /v1/execute]",
            request_id=call.context.request_id or routing.request_id,
            tenant=call.context.tenant_id,
            extension=call.context.extension_id,
            status=envelope.status,
            error=envelope.error,
            ms=round((time.perf_counter() - started) * 1_000, 1),
        )
        return json_answer(envelope)

    async def warmup(request: Request) -> Response:
        require_token(request, services.caller_token)
        call = _warmup(await read_json(request, _WARMUP_MAX_BYTES))
        async with services.cache.use(call.tenant_id, call.extension_id, call.content_hash) as bundle:
            if bundle.component is not None and bundle.component_sha256 is not None:
                await services.engine.load(bundle.component, bundle.component_sha256)
            return json_answer({"ok": True, "component": bundle.component is not None})

    return [Route("/v1/execute", guarded(execute), methods=["POST"]), Route("/warmup", guarded(warmup), methods=["POST"])]


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("x-idempotency-key", "").strip()
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


async def _unless_gone(request: Request, services: RunnerServices, call: ExecuteCall, routing: Routing) -> Envelope:
    """Runs the call for as long as somebody waits for its answer. Raises ClientDisconnect, with the guest ended, when nobody does."""
    running = asyncio.ensure_future(services.calls.run(call, routing))
    gone = asyncio.ensure_future(_disconnected(request))
    try:
        await asyncio.wait((running, gone), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            return running.result()
        raise ClientDisconnect
    finally:
        for task in (running, gone):
            task.cancel()
        await asyncio.gather(running, gone, return_exceptions=True)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
