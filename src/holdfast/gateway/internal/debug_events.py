"""`POST /api/internal/ext-debug/events`: receives debug events from the runner and publishes them to this process's stream."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.debug_event import EventBatch
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import read_json
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response

BODY_LIMIT = 8 * 1024 * 1024
MAX_EVENTS = 2_000


async def receive_events(services: Services, request: Request) -> Response:
    batch = await read_json(request, EventBatch, BODY_LIMIT)
    if len(batch.events) > MAX_EVENTS:
        raise InvalidRequest(f"A batch has at most {MAX_EVENTS} events.")
    for event in batch.events:
        # Without both ids no reader could be allowed to see the event.
        if event.tenant_id and event.extension_id:
            services.events.publish(event)
    return json_response({"accepted": len(batch.events)}, 202)
