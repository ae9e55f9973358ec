"""`/api/ext-debug/stream`: the debug events of an extension of the caller's tenant, live (GET, server-sent events) or by polling (POST).

States of a live stream:

    counted --> connected --> stored tail sent --> waiting --(an event, or a heartbeat after 15 s)--> sent --> waiting ...
    any state --(the client disconnects, or the process stops)--> wait cancelled --> reader closed --> no longer counted
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from holdfast.events.event_reader import EventReader
from holdfast.events.model.stream import BEFORE_ALL, NOT_STORED, Entry
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.permissions import require_permission
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.http.errors import GatewayError, InvalidRequest, RateLimited
from holdfast.gateway.http.json_body import decode_json
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import install_context

POLL_MAX_EVENTS = 100
_POLL_MAX_BYTES = 4_096


class PollRequest(Struct, frozen=True, rename="camel"):
    """The body of a poll: the `lastId` of the previous response, `0` in the first request."""

    last_id: str | int = BEFORE_ALL


class EventResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """A debug event. `ts` is milliseconds since the epoch."""

    id: str
    ts: int
    level: str
    stream: str
    tenant_id: str
    extension_id: str
    install_id: str | None
    request_id: str | None
    version_id: str | None
    content_hash: str | None
    message: str
    truncated: bool


class PollResult(Struct, frozen=True, rename="camel"):
    """Events, oldest first, and the `lastId` for the next poll."""

    events: list[EventResult]
    last_id: str


class Selection(Struct, frozen=True):
    """Which events a client gets: those of its tenant and one extension (a registry id); if set, only of one install or one request
    (ids in lower case)."""

    tenant_id: str
    extension_id: str
    install_id: str | None
    request_id: str | None

    def includes(self, entry: Entry) -> bool:
        event_id, event = entry
        # An event about the stream itself, which is not stored, is for every client.
        return event_id == NOT_STORED or (_matches(event.install_id, self.install_id) and _matches(event.request_id, self.request_id))


async def stream_live(services: Services, request: Request) -> Response:
    """Server-sent events: first the newest of what is stored, or all after the header Last-Event-ID, then new events as they come."""
    selection = await _selection(services, request)
    if services.open_debug_streams[selection.tenant_id] >= services.debug_streams_per_tenant:
        raise RateLimited("Your tenant has too many open debug streams.", retry_after_seconds=10, hint="Close one of them.")
    last_id = request.headers.get("last-event-id", "")
    frames = event_frames(services, selection, last_id if services.events.is_id(last_id) else None)
    return _EventStream(frames, services.open_debug_streams, selection.tenant_id)


async def poll(services: Services, request: Request) -> Response:
    """At most 100 events after `lastId`, and the id to send with the next poll."""
    selection = await _selection(services, request)
    body = await read_body(request, _POLL_MAX_BYTES)
    last_id = str(decode_json(body, PollRequest).last_id) if body else BEFORE_ALL
    if not services.events.is_id(last_id):
        raise InvalidRequest("lastId is not an id from an earlier response.", hint="Begin with 0.")
    found = await services.events.after(selection.tenant_id, selection.extension_id, last_id, POLL_MAX_EVENTS)
    events = [event_result(entry) for entry in found if selection.includes(entry)]
    return json_response(PollResult(events, found[-1][0] if found else last_id))


OPERATIONS: tuple[Operation[Services], ...] = (
    Operation(method="GET", path="/api/ext-debug/stream", handler=stream_live, errors=STANDARD_ERRORS),
    Operation(method="POST", path="/api/ext-debug/stream", handler=poll, errors=STANDARD_ERRORS),
)


def event_result(entry: Entry) -> EventResult:
    """A stored event as clients get it."""
    event_id, event = entry
    return EventResult(
        id=event_id,
        ts=event.ts,
        level=event.level,
        stream=event.stream,
        tenant_id=event.tenant_id,
        extension_id=event.extension_id,
        install_id=event.install_id,
        request_id=event.request_id,
        version_id=event.version_id,
        content_hash=event.content_hash,
        message=event.message,
        truncated=event.truncated,
    )


async def event_frames(services: Services, selection: Selection, last_id: str | None) -> AsyncGenerator[bytes, None]:
    """The frames of the live stream: what came after `last_id` (None: the newest of what is stored), then new events.

    If no event comes for `services.heartbeat_seconds`, a comment keeps the connection open. The stream ends when the process stops; the
    client then resumes at its successor.
    """
    reader = EventReader(
        services.events, selection.tenant_id, selection.extension_id, after_id=last_id, tail=services.settings.debug_tail_count
    )
    tail = await reader.start()
    # Sent first, so that the browser reports the connection as open before any event happens.
    yield b": connected\n\n"
    for entry in tail:
        if selection.includes(entry):
            yield _frame(entry)
    entries = reader.entries()
    pending: asyncio.Future[Entry] | None = None
    stopping = asyncio.ensure_future(services.stopping.wait())
    try:
        while True:
            # The wait for an event outlives a heartbeat: cancelling it each time could lose an event.
            pending = pending or asyncio.ensure_future(anext(entries))
            waited: set[asyncio.Future[Any]] = {pending, stopping}
            done, _ = await asyncio.wait(waited, timeout=services.heartbeat_seconds, return_when=asyncio.FIRST_COMPLETED)
            if stopping in done:
                return
            if not done:
                yield b": still here\n\n"
                continue
            entry = pending.result()
            pending = None
            if selection.includes(entry):
                yield _frame(entry)
    finally:
        stopping.cancel()
        if pending is not None:
            pending.cancel()
            await asyncio.wait({pending})
        await entries.aclose()


class _EventStream(StreamingResponse):
    """Counts as an open stream of its tenant while it is sent."""

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


async def _selection(services: Services, request: Request) -> Selection:
    """The events that the query asks for and the caller may see. Needs `extension:read`; the tenant is always the caller's."""
    caller = await caller_of(services, request)
    require_permission(caller, "extension:read")
    tenant_id = caller.identity.tenant_id
    query = request.query_params
    if (named := query.get("tenantId", "").strip()) and named.lower() != tenant_id.lower():
        raise GatewayError("tenant_mismatch", "You see only the events of your own tenant.", hint="Omit tenantId.")
    extension = query.get("extensionId", "").strip()
    if not extension:
        raise InvalidRequest("extensionId is required.", hint="Add ?extensionId= with the id or name of an extension.")
    context = await install_context(services.db, tenant_id, extension, only_enabled=False)
    if context is None:
        raise GatewayError(
            "extension_not_available",
            f"The extension {extension} is not installed for your tenant.",
            hint="`holdfast list` shows what is installed.",
        )
    return Selection(
        tenant_id,
        context.registry_id,
        query.get("installId", "").strip().lower() or None,
        query.get("requestId", "").strip().lower() or None,
    )


def _matches(actual: str | None, wanted: str | None) -> bool:
    return wanted is None or (actual or "").lower() == wanted


def _frame(entry: Entry) -> bytes:
    data = b"data: %s\n\n" % msgspec.json.encode(event_result(entry))
    # Without an id the browser keeps the id of the previous event, and resumes from it.
    return data if entry[0] == NOT_STORED else b"id: %s\n%s" % (entry[0].encode("ascii"), data)
