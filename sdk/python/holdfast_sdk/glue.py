"""From an author's handler to the component's export. Used by the build; exists only inside a component."""

from __future__ import annotations

import json
import random
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from wit_world.imports import logging as logging_functions
from wit_world.imports import types as wit

from holdfast_sdk.bindings import make_host
from holdfast_sdk.messages import Context, Request, Response


def find_handler(module: ModuleType) -> Callable[..., Any]:
    """The module's function `handler`. Raises AttributeError, at build time, when there is none."""
    found = getattr(module, "handler", None)
    if not callable(found):
        raise AttributeError("src/handler.py has no function named handler. Write: def handler(request, host): …")
    handler: Callable[..., Any] = found
    return handler


_CONFIG, _TRIGGER, _SCHEDULE = "x-ext-config", "x-ext-trigger", "x-ext-schedule-id"
"""Request headers in which the host says what the world has no field for; nobody else can set them."""


def _request(wire: Any) -> Request:
    context = wire.context
    said = {header.name: header.value for header in wire.http.headers if header.name in (_CONFIG, _TRIGGER, _SCHEDULE)}
    return Request(
        wire.http.method,
        wire.http.url,
        tuple((header.name, header.value) for header in wire.http.headers if header.name not in said),
        None if wire.http.body is None else bytes(wire.http.body),
        Context(
            context.tenant_id,
            context.extension_id,
            context.request_id,
            context.install_id,
            context.version_id,
            json.loads(said.get(_CONFIG, "{}")),
            said.get(_TRIGGER),
            said.get(_SCHEDULE),
        ),
    )


def _wire(answer: Any) -> wit.ExecuteResponse:
    if not isinstance(answer, Response):
        raise TypeError(f"The handler answered {type(answer).__name__}; return json_response(…) or Response(…)")
    if not isinstance(answer.status, int) or not 100 <= answer.status <= 999:
        raise TypeError(f"The handler answered status {answer.status!r}, which is not an HTTP status")
    body = answer.body.encode() if isinstance(answer.body, str) else answer.body
    return wit.ExecuteResponse(answer.status, [wit.HttpHeader(name, value) for name, value in answer.header_pairs()], body)


def _report(error: Exception) -> None:
    text = "".join(traceback.format_exception(error)).rstrip()
    logging_functions.log_error(text)
    print(text, file=sys.stderr)  # noqa: T201 - standard error is where the host looks for the reason of a failure


def answer(handler: Callable[..., Any], wire: Any) -> wit.ExecuteResponse:
    """Runs the handler. What it raises is logged with its traceback and answered as 500."""
    random.seed()  # the build's state would repeat itself in every call
    try:
        return _wire(handler(_request(wire), make_host()))
    except Exception as error:
        _report(error)
        body = json.dumps({"error": "handler_failed", "message": str(error) or type(error).__name__}).encode()
        return wit.ExecuteResponse(500, [wit.HttpHeader("content-type", "application/json")], body)
