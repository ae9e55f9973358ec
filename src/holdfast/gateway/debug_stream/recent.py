"""`POST /api/ext-debug/logs`: the last lines of one or all extensions of the caller's tenant, merged by time; for `holdfast logs`.

The first request has no `after` and gets the newest lines. Each response has a position for each extension; the next request sends them
back and gets what came since. Positions stay valid when the gateway restarts, and for extensions that are installed in between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Annotated

from msgspec import Meta, Struct, field
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.debug_event import MAX_LOG_LINES, Level
from holdfast.events.model.stream import BEFORE_ALL, Entry
from holdfast.gateway.auth.authentication import caller_of
from holdfast.gateway.auth.permissions import require_permission
from holdfast.gateway.debug_stream.selection import EventResult, event_result
from holdfast.gateway.http.errors import GatewayError, InvalidRequest
from holdfast.gateway.http.json_body import read_json
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.installs.listing import list_installs

MAX_EXTENSIONS = 200
_BODY_MAX_BYTES = 256 * 1024
_ORDER: Mapping[str, int] = {level: place for place, level in enumerate(("trace", "debug", "info", "warn", "error"))}


class LogRequest(Struct, frozen=True, kw_only=True, rename="camel"):
    """Which lines. `extensions` are names or ids (empty: all that are installed); `after` are the positions of the last response.

    `level` is the lowest; `since_ms` is a time in milliseconds since the epoch; `request_id` is the beginning of one. `lines` limits only a
    request without `after`: what follows is complete.
    """

    extensions: Annotated[list[str], Meta(max_length=MAX_EXTENSIONS)] = field(default_factory=list)
    after: Annotated[dict[str, str], Meta(max_length=MAX_EXTENSIONS)] | None = None
    lines: Annotated[int, Meta(ge=0, le=MAX_LOG_LINES)] = 100
    level: Level = "info"
    since_ms: int = 0
    request_id: str = ""

    def includes(self, event: EventResult) -> bool:
        """Whether the filters let the event pass."""
        return (
            _ORDER[event.level] >= _ORDER[self.level]
            and event.ts >= self.since_ms
            and (event.request_id or "").lower().startswith(self.request_id.lower())
        )


class LogResult(Struct, frozen=True, kw_only=True, rename="camel"):
    """Events, oldest first, and by registry id the names of their extensions and the positions for the next request.

    `more`: there are further events already.
    """

    events: list[EventResult]
    names: dict[str, str]
    after: dict[str, str]
    more: bool


async def read_logs(services: Services, request: Request) -> Response:
    """The newest lines, or those after the positions of the request."""
    caller = await caller_of(services, request)
    require_permission(caller, "extension:read")
    wanted = await read_json(request, LogRequest, _BODY_MAX_BYTES)
    tenant_id = caller.identity.tenant_id
    names = await _extensions(services, tenant_id, wanted.extensions)
    if wanted.after is not None and not all(services.events.is_id(position) for position in wanted.after.values()):
        raise InvalidRequest("after has a position that is not from an earlier response.", hint="Omit after, and begin again.")
    positions = dict[str, str]()
    found = list[list[Entry]]()
    more = False
    for extension_id in names:
        position = None if wanted.after is None else wanted.after.get(extension_id, BEFORE_ALL)
        if position is None:
            entries = await services.events.tail(tenant_id, extension_id, MAX_LOG_LINES)
        else:
            entries = await services.events.after(tenant_id, extension_id, position, MAX_LOG_LINES)
            more = more or len(entries) >= MAX_LOG_LINES
        positions[extension_id] = entries[-1][0] if entries else position or BEFORE_ALL
        found.append(entries)
    events = [event for event in _merged(found) if wanted.includes(event)]
    if wanted.after is None:
        events = events[max(0, len(events) - wanted.lines) :]
    return json_response(LogResult(events=events, names=names, after=positions, more=more))


def _merged(streams: Iterable[Iterable[Entry]]) -> list[EventResult]:
    """The events of all streams by time; those of one stream keep their order."""
    return sorted((event_result(entry) for entry in chain.from_iterable(streams)), key=lambda event: event.ts)


async def _extensions(services: Services, tenant_id: str, wanted: list[str]) -> dict[str, str]:
    """Registry ids and names of the tenant's installs. Raises GatewayError (`extension_not_available`)."""
    if not wanted:
        installs = await list_installs(services.db, tenant_id)
        return {install.registry_id: install.name for install in installs[:MAX_EXTENSIONS]}
    names = dict[str, str]()
    for extension in wanted:
        context = await install_context(services.db, tenant_id, extension, only_enabled=False)
        if context is None:
            raise GatewayError(
                "extension_not_available",
                f"The extension {extension} is not installed for your tenant.",
                hint="`holdfast list` shows what is installed.",
            )
        names[context.registry_id] = context.name
    return names
