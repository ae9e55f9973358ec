"""`POST /api/internal/ext-background/calls/{call id}`: an attempt of a scheduled call or of an event, for the scheduler."""

from __future__ import annotations

from functools import partial

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.background_call import BackgroundCall
from holdfast.gateway.background.execute import execute_background
from holdfast.gateway.http.errors import InvalidRequest
from holdfast.gateway.http.json_body import decode_json_with
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.database.uuids import as_uuid

BODY_LIMIT = 2 * 1024 * 1024

_decoder: msgspec.json.Decoder[BackgroundCall] = msgspec.json.Decoder(BackgroundCall)


async def call_in_background(services: Services, request: Request) -> Response:
    """Responds when the attempt has ended, with how it ended; it goes on when the scheduler does not wait for that."""
    call_id = as_uuid(request.path_params["call_id"])
    if call_id is None:
        raise InvalidRequest("The id of a call is a UUID.")
    call = decode_json_with(_decoder, await read_body(request, BODY_LIMIT))
    return json_response(await services.background.run(call_id, call, partial(execute_background, services)))
