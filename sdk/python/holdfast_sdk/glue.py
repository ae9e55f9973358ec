"""Connects the author's handler to the component's export. The build uses it; it works only inside a component."""

from __future__ import annotations

import json
import random
import sys
import traceback
from collections.abc import Awaitable, Callable
from types import ModuleType, TracebackType
from typing import Any

from wit_world.imports import logging as logging_functions
from wit_world.imports import types as wit

from holdfast_sdk.bindings import make_host
from holdfast_sdk.component import event_loop
from holdfast_sdk.component.start import SOURCES
from holdfast_sdk.messages import Context, Request, Response


def find_handler(module: ModuleType) -> Callable[..., Any]:
    """The function `handler` of the author's module. Raises AttributeError when there is none; this runs at build time."""
    found = getattr(module, "handler", None)
    if not callable(found):
        raise AttributeError("src/handler.py has no function named handler. Write: def handler(request, host): …")
    handler: Callable[..., Any] = found
    return handler


_CONFIG, _SETTINGS, _TRIGGER, _SCHEDULE = "x-ext-config", "x-ext-settings", "x-ext-trigger", "x-ext-schedule-id"
"""Request headers in which the host passes what the WIT world has no field for. The host removes them from callers' requests."""


def _request(wire: Any) -> Request:
    context = wire.context
    from_host = {header.name: header.value for header in wire.http.headers if header.name in (_CONFIG, _SETTINGS, _TRIGGER, _SCHEDULE)}
    return Request(
        wire.http.method,
        wire.http.url,
        tuple((header.name, header.value) for header in wire.http.headers if header.name not in from_host),
        None if wire.http.body is None else bytes(wire.http.body),
        Context(
            context.tenant_id,
            context.extension_id,
            context.request_id,
            context.install_id,
            context.version_id,
            json.loads(from_host.get(_SETTINGS) or from_host.get(_CONFIG, "{}")),
            from_host.get(_TRIGGER),
            from_host.get(_SCHEDULE),
        ),
    )


def _to_wire(response: Any) -> wit.ExecuteResponse:
    if not isinstance(response, Response):
        raise TypeError(f"The handler returned {type(response).__name__}; return json_response(…) or Response(…)")
    if not isinstance(response.status, int) or not 100 <= response.status <= 999:
        raise TypeError(f"The handler returned the status {response.status!r}, which is not an HTTP status")
    body = response.body.encode() if isinstance(response.body, str) else response.body
    return wit.ExecuteResponse(response.status, [wit.HttpHeader(name, value) for name, value in response.header_pairs()], body)


def _authors_frames(trace: TracebackType | None) -> TracebackType | None:
    """The traceback from the author's outermost function on: the frames of the SDK and of the event loop say nothing to the author."""
    inner = trace
    while inner is not None and not inner.tb_frame.f_code.co_filename.startswith(f"{SOURCES}/"):
        inner = inner.tb_next
    return inner or trace


def _report(error: BaseException) -> None:
    lines = traceback.format_exception(type(error), error, _authors_frames(error.__traceback__))
    # Paths as they are in the project, which editors and terminals can open.
    text = "".join(lines).rstrip().replace(f'File "{SOURCES}/', f'File "{SOURCES[1:]}/')
    logging_functions.log_error(text)
    print(text, file=sys.stderr)  # noqa: T201 - the host reports the last lines of standard error as the reason of a failure


def respond(handler: Callable[..., Any], wire: Any) -> wit.ExecuteResponse:
    """Runs the handler, to completion if it is a coroutine. An exception is logged with its traceback and becomes a status 500."""
    random.seed()  # otherwise every call would start with the state from build time, and get the same numbers
    try:
        request = _request(wire)
        answer = handler(request, make_host(request.context))
        return _to_wire(event_loop.run(answer) if isinstance(answer, Awaitable) else answer)
    except (Exception, SystemExit) as error:
        _report(error)
        body = json.dumps({"error": "handler_failed", "message": str(error) or type(error).__name__}).encode()
        return wit.ExecuteResponse(500, [wit.HttpHeader("content-type", "application/json")], body)
