"""The request that a guest receives. Data without a field in the world is sent in request headers that only the runner can set."""

from __future__ import annotations

import base64
import json

from msgspec import Struct

from holdfast.contract.execute import ExecuteCall, ExecuteUser, pairs
from holdfast.hostcalls import CallContext, CallUser
from holdfast.world.types import ContextData, ExecuteRequest, HttpHeader, HttpRequest

CONFIG = "x-ext-config"
"""The install's configuration: a JSON object of strings, in ASCII. Absent when nothing is configured."""

SETTINGS = "x-ext-settings"
"""The same with the types that the manifest declares: a JSON object, in ASCII. Absent when every value is text."""

TRIGGER = "x-ext-trigger"
"""What made the call, such as `schedule`. Absent when a person or a program did."""

SCHEDULE = "x-ext-schedule-id"
"""The schedule that made the call."""

ORIGIN = "x-ext-origin"
"""The origin of the absolute URLs that handlers see (docs/decisions/0047). Nothing sets it yet; a caller never may."""

_RUNNER_HEADERS = frozenset({CONFIG, SETTINGS, TRIGGER, SCHEDULE, ORIGIN})


class GuestBody(Struct, frozen=True):
    """The body for the guest: its bytes, None for no body; or the `problem` with which it arrived."""

    content: bytes | None = None
    problem: str | None = None


def body_in_json(call: ExecuteCall) -> GuestBody:
    """The body of a call that arrived as JSON."""
    if not isinstance(call.http.body_b64, str):
        return _NO_BODY
    try:
        return GuestBody(base64.b64decode(call.http.body_b64, validate=True))
    except ValueError as error:
        return GuestBody(problem=f"invalid body base64: {error}")


_NO_BODY = GuestBody()


def call_user(user: ExecuteUser) -> CallUser:
    """The user as host functions know it."""
    return CallUser(
        user_id=user.user_id,
        user_email=user.user_email,
        user_name=user.user_name,
        user_type=user.user_type,
        client_name=user.client_name or user.company_name or "",
        client_id=user.client_id,
        additional_fields=user.additional_fields,
    )


def guest_request(call: ExecuteCall, context: CallContext, body: bytes | None) -> ExecuteRequest:
    """The request for the guest, headers and query in their order. Headers of the caller with these names are dropped."""
    headers = [HttpHeader(name, value) for name, value in pairs(call.http.headers) if name.lower() not in _RUNNER_HEADERS]
    identity = call.context
    if identity.config:
        headers.append(HttpHeader(CONFIG, json.dumps(identity.config, separators=(",", ":"))))
    if isinstance(identity.settings, dict):
        headers.append(HttpHeader(SETTINGS, json.dumps(identity.settings, separators=(",", ":"))))
    if isinstance(identity.trigger, str) and identity.trigger:
        headers.append(HttpHeader(TRIGGER, identity.trigger))
    if isinstance(identity.schedule_id, str) and identity.schedule_id:
        headers.append(HttpHeader(SCHEDULE, identity.schedule_id))
    return ExecuteRequest(
        ContextData(context.request_id, context.tenant_id, context.extension_id, context.install_id, context.version_id),
        HttpRequest(call.http.method, call.http.target, headers, body),
    )
