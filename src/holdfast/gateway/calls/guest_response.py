"""The response to a call: the extension's own, made safe for the origin that it comes from, or the error for a call without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from holdfast.contract.execute import Envelope, FailureReport
from holdfast.errors import HoldfastError
from holdfast.gateway.audit import Status
from holdfast.gateway.calls.call import Call
from holdfast.gateway.http.errors import BadGateway, BeingPrepared, ExtensionBusy, GatewayTimeout
from holdfast.gateway.http.headers import ISOLATION, from_guest
from holdfast.gateway.http.responses import added_headers
from holdfast.http.responses import WholeResponse

_WITHOUT_BODY = frozenset({204, 205, 304})
# 205 has a length of zero: without one, the client would wait for the end of the connection (RFC 7231, section 6.3.6).
_WITHOUT_LENGTH = frozenset({204, 304})
_DEADLINE = frozenset({"deadline", "timeout"})
_ISOLATION = [(name.encode(), value.encode()) for name, value in ISOLATION.items()]


def guest_response(call: Call, envelope: Envelope) -> Response:
    """The extension's status, headers and bytes. Raises BadGateway for a status that is not one of a response."""
    status = envelope.status
    if not 200 <= status <= 599:
        raise BadGateway(
            f"The extension responded with status {status}, which is not a response status.",
            hint="Respond with a status from 200 to 599.",
            details={"code": "invalid_response"},
        )
    headers = from_guest(envelope.header_pairs(), request=call.request, own_prefix=call.prefix)
    is_cacheable = any(name == b"cache-control" for name, _ in headers)
    headers += _ISOLATION
    headers.append((b"x-request-id", call.request_id.encode("latin-1")))
    if not is_cacheable:
        headers.append((b"cache-control", b"no-store"))
    body = b"" if status in _WITHOUT_BODY else envelope.body_b64 or b""
    if status not in _WITHOUT_LENGTH:
        headers.append((b"content-length", b"%d" % len(body)))
    headers += added_headers(call.request)
    return WholeResponse(status, headers, b"" if call.request.scope["method"] == "HEAD" else body)


def failure_error(call: Call, envelope: Envelope, *, is_development: bool) -> HoldfastError:
    """The error for a call without a response. Only users who may change the extension see what the guest reported."""
    failure = envelope.failure or FailureReport(code=(envelope.error or "").split(":", 1)[0].strip()[:64] or "runner_error")
    details: dict[str, Any] = {"code": failure.code}
    if is_development or call.access.caller.may("extension:write"):
        details |= {
            "reason": failure.message or envelope.error,
            "guest_stack": failure.guest_stack,
            "stderr": failure.stderr,
        }
        if isinstance(failure.rule, str):
            details["rule"] = failure.rule
    if failure.code == "busy":
        return ExtensionBusy("Too many calls of this extension run at the moment.", hint="Call again in a second.")
    if failure.code in _DEADLINE:
        return GatewayTimeout("The extension did not respond within its deadline.", hint="See the debug stream.", details=details)
    return BadGateway("The extension failed.", hint="See the debug stream.", details=details)


def outcome_of(failure: HoldfastError) -> tuple[Status, int, str]:
    """Status, HTTP status and error of the audit row of a call that failed."""
    if isinstance(failure, GatewayTimeout):
        return "timeout", failure.status, "timeout"
    if isinstance(failure, BadGateway):
        details: Mapping[str, Any] = failure.details or {}
        return "error", failure.status, str(details.get("code", "runner_error"))
    if isinstance(failure, ExtensionBusy | BeingPrepared):
        return "error", failure.status, failure.code
    return "policy_denied", failure.status, failure.code
