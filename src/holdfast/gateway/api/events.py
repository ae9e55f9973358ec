"""`/api/v1/events`: the events of the tenant's installs, and what administrators do with dead letters."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.schedules.events.administration import LIMIT_MAX, drop_event, list_events, read_event, retry_event


async def show_events(services: Services, request: Request, caller: Caller) -> Response:
    query = request.query_params
    page = await list_events(
        services.db,
        caller.actor.tenant_id,
        query.get("extension") or None,
        status=query.get("status"),
        limit=_limit(query.get("limit")),
        cursor=query.get("cursor"),
    )
    return json_response(page)


async def show_event(services: Services, request: Request, caller: Caller) -> Response:
    return json_response(await read_event(services.db, caller.actor.tenant_id, request.path_params["event_id"]))


async def retry(services: Services, request: Request, caller: Caller) -> Response:
    event = await retry_event(services.db, actor=caller.actor, event_id=request.path_params["event_id"], now=services.now)
    return json_response({"event": event})


async def drop(services: Services, request: Request, caller: Caller) -> Response:
    event = await drop_event(services.db, actor=caller.actor, event_id=request.path_params["event_id"], now=services.now)
    return json_response({"event": event})


def _limit(text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 6 and 1 <= int(text) <= LIMIT_MAX):
        raise InvalidRequest(f"limit is a whole number from 1 to {LIMIT_MAX}.")
    return int(text)
