"""The routes of the debug stream: live with GET (server-sent events), polling with POST; and the log of several extensions."""

from __future__ import annotations

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from holdfast.events.model.stream import BEFORE_ALL
from holdfast.gateway.debug_stream.live import LiveResponse, event_frames
from holdfast.gateway.debug_stream.recent import read_logs
from holdfast.gateway.debug_stream.selection import EventResult, event_result, read_selection
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import decode_json
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation
from holdfast.http.responses import json_response

POLL_MAX_EVENTS = 100
_POLL_MAX_BYTES = 4_096


class PollRequest(Struct, frozen=True, rename="camel"):
    """The body of a poll: the `lastId` of the previous response, `0` in the first request."""

    last_id: str | int = BEFORE_ALL


class PollResult(Struct, frozen=True, rename="camel"):
    """Events, oldest first, and the `lastId` for the next poll."""

    events: list[EventResult]
    last_id: str


async def stream_live(services: Services, request: Request) -> Response:
    """Server-sent events: first the newest of what is stored, or all after the header Last-Event-ID, then new events as they come."""
    selection = await read_selection(services, request)
    services.open_debug_streams.check(selection.tenant_id)
    last_id = request.headers.get("last-event-id", "")
    frames = event_frames(services, selection, last_id if services.events.is_id(last_id) else None)
    return LiveResponse(frames, services.open_debug_streams, selection.tenant_id)


async def poll(services: Services, request: Request) -> Response:
    """At most 100 events after `lastId`, and the id to send with the next poll."""
    selection = await read_selection(services, request)
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
    Operation(method="POST", path="/api/ext-debug/logs", handler=read_logs, errors=STANDARD_ERRORS),
)
