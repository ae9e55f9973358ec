"""`/api/ext-debug/stream`: the debug events of one of the caller's extensions, live (GET, server-sent events) or by polling (POST)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from holdfast.events.event_reader import EventReader
from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED, Entry
from holdfast.gateway.auth.authentication import caller_of, require_permission
from holdfast.gateway.http.errors import GatewayError, InvalidRequest, RateLimited
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.internal.auth import decode_json
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import install_context

POLL_MAX = 100


class Poll(Struct, frozen=True, rename="camel"):
    """The body of a poll: the `lastId` of the answer before, `0` at first."""

    last_id: str | int = BEFORE_ALL


class Watched(Struct, frozen=True):
    """Whose events: the caller's tenant and the registry id; of these only one install or request, when given (lower case)."""

    tenant_id: str
    extension_id: str
    install_id: str | None
    request_id: str | None

    def includes(self, entry: Entry) -> bool:
        event_id, event = entry
        # What is said about the stream itself is for everybody who watches it.
        return event_id == NOT_STORED or (_is(event.install_id, self.install_id) and _is(event.request_id, self.request_id))


def routes(services: Services) -> list[BaseRoute]:
    """The routes of the debug stream. It needs `extension:read`; the tenant is always the caller's."""
    open_streams: Counter[str] = Counter()

    async def live(request: Request) -> Response:
        watched = await _watched(services, request)
        if open_streams[watched.tenant_id] >= services.debug_streams_per_tenant:
            raise RateLimited("Your tenant watches too many debug streams.", retry_after_seconds=10, hint="Close one of them.")
        last_id = request.headers.get("last-event-id", "")
        frames = event_frames(services, watched, last_id if services.events.is_id(last_id) else None)
        return _EventStream(frames, open_streams, watched.tenant_id)

    async def poll(request: Request) -> Response:
        watched = await _watched(services, request)
        body = await read_body(request, 4_096)
        last_id = str(decode_json(body, Poll).last_id) if body else BEFORE_ALL
        if not services.events.is_id(last_id):
            raise InvalidRequest("lastId is not one that an earlier answer named.", hint="Begin with 0.")
        found = await services.events.after(watched.tenant_id, watched.extension_id, last_id, POLL_MAX)
        events = [to_json(entry) for entry in found if watched.includes(entry)]
        return json_response({"events": events, "lastId": found[-1][0] if found else last_id})

    return [
        Route("/api/ext-debug/stream", respond_to_errors(live), methods=["GET"]),
        Route("/api/ext-debug/stream", respond_to_errors(poll), methods=["POST"]),
    ]


def to_json(entry: Entry) -> dict[str, Any]:
    """An event as readers get it. `ts` is milliseconds since the epoch."""
    event_id, event = entry
    return {
        "id": event_id,
        "ts": event.ts,
        "level": event.level,
        "stream": event.stream,
        "tenantId": event.tenant_id,
        "extensionId": event.extension_id,
        "installId": event.install_id,
        "requestId": event.request_id,
        "versionId": event.version_id,
        "contentHash": event.content_hash,
        "message": event.message,
        "truncated": event.truncated,
    }


async def event_frames(services: Services, watched: Watched, last_id: str | None) -> AsyncGenerator[bytes, None]:
    """The frames of the live stream: what came after `last_id` (None: the tail of what is kept), then what comes.

    When nothing comes for `services.heartbeat_seconds`, a comment keeps the connection open.
    """
    reader = EventReader(
        services.events, watched.tenant_id, watched.extension_id, after_id=last_id, tail=services.settings.debug_tail_count
    )
    tail = await reader.start()
    # First thing of all, so that the browser knows it is connected before anything has happened.
    yield b": connected\n\n"
    for entry in tail:
        if watched.includes(entry):
            yield _frame(entry)
    coming = reader.entries()
    pending: asyncio.Future[Entry] | None = None
    try:
        while True:
            pending = pending or asyncio.ensure_future(anext(coming))
            done, _ = await asyncio.wait({pending}, timeout=services.heartbeat_seconds)
            if not done:
                yield b": still here\n\n"
                continue
            entry = pending.result()
            pending = None
            if watched.includes(entry):
                yield _frame(entry)
    finally:
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        await coming.aclose()


class _EventStream(StreamingResponse):
    """Counts itself among the open streams of its tenant while it is being sent."""

    def __init__(self, frames: AsyncGenerator[bytes, None], open_streams: Counter[str], tenant_id: str) -> None:
        headers = {"cache-control": "no-cache, no-transform", "x-accel-buffering": "no", "x-content-type-options": "nosniff"}
        super().__init__(frames, headers=headers, media_type="text/event-stream")
        self._frames = frames
        self._open_streams = open_streams
        self._tenant_id = tenant_id

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._open_streams[self._tenant_id] += 1
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._frames.aclose()
            self._open_streams[self._tenant_id] -= 1
            if not self._open_streams[self._tenant_id]:
                del self._open_streams[self._tenant_id]


async def _watched(services: Services, request: Request) -> Watched:
    caller = await caller_of(services, request)
    await require_permission(services, caller, "extension:read")
    tenant_id = caller.identity.tenant_id
    asked = request.query_params
    if (named := asked.get("tenantId", "").strip()) and named.lower() != tenant_id.lower():
        raise GatewayError("tenant_mismatch", "Only the events of your own tenant are shown.", hint="Leave tenantId out.")
    extension = asked.get("extensionId", "").strip()
    if not extension:
        raise InvalidRequest("extensionId is required", hint="Add ?extensionId= with the id or name of an extension.")
    context = await install_context(services.db, tenant_id, extension, only_enabled=False)
    if context is None:
        raise GatewayError(
            "extension_not_available", f"The extension {extension} is not installed here.", hint="`holdfast list` shows what is."
        )
    return Watched(
        tenant_id,
        context.registry_id,
        asked.get("installId", "").strip().lower() or None,
        asked.get("requestId", "").strip().lower() or None,
    )


def _is(actual: str | None, wanted: str | None) -> bool:
    return wanted is None or (actual or "").lower() == wanted


def _frame(entry: Entry) -> bytes:
    data = b"data: %s\n\n" % msgspec.json.encode(to_json(entry))
    # Without an id the browser keeps that of the event before, and comes back to it.
    return data if entry[0] == NOT_STORED else b"id: %s\n%s" % (entry[0].encode("ascii"), data)
