"""One call, after access was granted: write the audit row, read the install, run, respond, complete the row. Both gateways end here."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog
from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.execute import (
    CallUsage,
    Envelope,
    ExecuteCall,
    ExecuteContext,
    ExecuteHttp,
    ExecuteLimits,
    ExecuteUser,
    FailureReport,
)
from holdfast.errors import HoldfastError
from holdfast.gateway.audit import AuditRow, Status
from holdfast.gateway.auth.authorization import Access, access_again
from holdfast.gateway.http.errors import BadGateway, BeingPrepared, ExtensionBusy, GatewayError, GatewayTimeout
from holdfast.gateway.http.headers import ISOLATION, from_guest, to_guest
from holdfast.gateway.http.requests import printable, query_pairs, request_id
from holdfast.gateway.services import Services
from holdfast.http.fast_operations import WholeRequest
from holdfast.http.rate_headers import rate_headers
from holdfast.registry.installs.call_context import InstallContext

_WITHOUT_BODY = frozenset({204, 205, 304})
# 205 has a length of zero: without one, the client would wait for the end of the connection (RFC 7231, section 6.3.6).
_WITHOUT_LENGTH = frozenset({204, 304})
_DEADLINE = frozenset({"deadline", "timeout"})

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call of an extension.

    `method` is the effective one, never HEAD; `path` starts with `/` and is percent-encoded, like `query`; `prefix` is the gateway's own
    path, which precedes the extension's, with `/` at its end.
    """

    request: Request
    access: Access
    method: str
    path: str
    query: str
    body: bytes | None
    prefix: str


async def dispatch(services: Services, call: Call) -> Response:
    """Runs the call and returns the extension's own response: status, headers, bytes.

    Raises QuotaExceeded, GatewayError (`access_policy_unavailable`, `not_installed`), BadGateway, GatewayTimeout, ExtensionBusy,
    BeingPrepared, and ClientDisconnect when the caller leaves first: that cancels the request to the runner, which then cancels the guest.
    The audit row records every end.
    """
    if isinstance(call.request, WholeRequest):
        return await _run(services, call)
    return await services.disconnects.run_until_disconnect(call.request.receive, _run(services, call))


async def _run(services: Services, call: Call) -> Response:
    tag = request_id(call.request)
    call.request.state.holdfast_rate = call.access.rate
    # The guide tells operators to look for this line; method and path are part of it.
    _log.info(f"[{call.request.method} {call.request.url.path}]", request_id=tag, tenant=_tenant(call), effective_method=call.method)
    # Before the audit row: like a rate limit, a used up quota leaves none.
    await services.quotas.start(_tenant(call), call.access.registry_id)
    row = await _start_audit(services, call, tag)
    status: Status = "error"
    http_status: int | None = None
    # For a caller that disconnects: asyncio.CancelledError matches no `except` below, and the audit row still needs an end.
    error: str | None = "cancelled"
    try:
        call = await _current(services, call)
        context = _install_of(services, call.access)
        envelope = await services.runner.execute(
            build_request(services, call, context),
            _transport_headers(call, context),
            body=_sent_body(call),
            timeout_ms=services.settings.gateway_timeout_ms,
        )
        if isinstance(envelope.usage, CallUsage):
            services.quotas.add(_tenant(call), call.access.registry_id, envelope.usage)
        if envelope.error is not None:
            raise _failure_error(services, call, envelope)
        response = _response(call, envelope)
        status, http_status, error = "ok", envelope.status, None
        if envelope.status >= 400:
            status, error = "upstream_error", "extension_error_status"
        return response
    except HoldfastError as failure:
        status, http_status, error = _outcome(failure)
        raise
    except Exception:
        status, http_status, error = "error", 503, "internal_error"
        raise
    finally:
        services.audit.finish(row, status=status, http_status=http_status, error=error)


def build_request(services: Services, call: Call, context: InstallContext) -> ExecuteCall:
    """The body of `POST /v1/execute`. The context has a content hash: `_install_of` checked that."""
    assert context.content_hash is not None
    return ExecuteCall(
        context=ExecuteContext(
            request_id=request_id(call.request),
            tenant_id=context.tenant_id,
            extension_id=context.registry_id,
            install_id=context.install_id,
            version_id=context.version_id,
            content_hash=context.content_hash,
            config=context.config,
            egress=context.egress,
        ),
        http=ExecuteHttp(
            method=call.method,
            path=call.path,
            # The whole target in addition to the map: the map holds only one value of a repeated field.
            url=f"{call.path}?{call.query}" if call.query else call.path,
            query=dict(query_pairs(call.query)),
            headers=dict(_guest_headers(call)),
            body_b64=UNSET if _sent_body(call) is None else "",  # the client of the runners adds the body
        ),
        limits=ExecuteLimits(timeout_ms=services.settings.gateway_timeout_ms),
        providers=context.providers,
        endpoint=f"{call.access.endpoint.method} {call.access.endpoint.path}",
        user=_user(call.access),
        secret_envelope=UNSET if context.secret_envelope is None else context.secret_envelope,
    )


def _sent_body(call: Call) -> bytes | None:
    return None if call.method == "GET" else call.body


async def _current(services: Services, call: Call) -> Call:
    """The call with its access as of now: the body may have taken long to arrive, and the audit row to be written."""
    try:
        access = await access_again(services, call.access, call.method, call.path)
    except GatewayError as error:
        if error.code != "extension_not_available":
            raise
        raise GatewayError("not_installed", "The extension was removed or disabled a moment ago.", hint="Install it again.") from error
    if access is call.access:
        return call
    if (access.install_id, access.version_id) != (call.access.install_id, call.access.version_id):
        # The audit row names the version that the first check was about.
        raise GatewayError("access_policy_unavailable", "The extension was just replaced.", hint="Call again.")
    return replace(call, access=access)


def _install_of(services: Services, access: Access) -> InstallContext:
    context = access.install.context_at(services.now())
    if context.content_hash is None:
        raise GatewayError("not_installed", "The installed version has no bundle.", hint="Install the extension again.")
    return context


def _guest_headers(call: Call) -> dict[str, str]:
    headers = to_guest(call.request.headers)
    headers["x-request-id"] = request_id(call.request)
    headers["x-alga-tenant"] = _tenant(call)
    headers["x-alga-extension"] = call.access.registry_id
    if call.method != "GET":
        headers["x-idempotency-key"] = _idempotency_key(call)
    return headers


def _transport_headers(call: Call, context: InstallContext) -> dict[str, str]:
    headers = {
        "x-request-id": request_id(call.request),
        "x-alga-tenant": context.tenant_id,
        "x-alga-extension": context.registry_id,
        "x-ext-install-id": context.install_id,
        "x-ext-version-id": context.version_id,
        "x-ext-registry-id": context.registry_id,
    }
    if context.config_version is not None:
        headers["x-ext-config-version"] = context.config_version
    if context.secrets_version is not None:
        headers["x-ext-secrets-version"] = context.secrets_version
    if call.method != "GET":
        # The runner may repeat a stored response for a known key. The scope makes sure that it is the same person's same request.
        scope = "\n".join((call.access.caller.identity.user_id, call.method, call.path, call.query, _idempotency_key(call)))
        headers["x-idempotency-key"] = hashlib.sha256(scope.encode() + b"\n" + (call.body or b"")).hexdigest()
    return headers


def _idempotency_key(call: Call) -> str:
    known = getattr(call.request.state, "holdfast_idempotency_key", None)
    if isinstance(known, str):
        return known
    chosen = printable(call.request.headers.get("x-idempotency-key")) or str(uuid.uuid4())
    call.request.state.holdfast_idempotency_key = chosen
    return chosen


def _user(access: Access) -> ExecuteUser:
    identity = access.caller.identity
    additional = {"username": identity.username}
    if identity.contact_id is not None:
        additional["contact_id"] = identity.contact_id
    return ExecuteUser(
        user_id=identity.user_id,
        user_email=identity.email,
        user_name=identity.display_name,
        user_type=identity.user_type,
        client_name=identity.tenant_name,
        client_id=access.client_id,
        additional_fields=additional,
    )


def _response(call: Call, envelope: Envelope) -> Response:
    if not 200 <= envelope.status <= 599:
        raise BadGateway(
            f"The extension responded with status {envelope.status}, which is not a response status.",
            hint="Respond with a status from 200 to 599.",
            details={"code": "invalid_response"},
        )
    body = envelope.body_b64 or b""
    response = Response(status_code=envelope.status)
    # The extension's headers replace the content type and length that Starlette sets.
    pairs = list(from_guest(envelope.header_pairs(), own_url=str(call.request.url), own_prefix=call.prefix))
    names = {name for name, _ in pairs}
    pairs += ISOLATION.items()
    pairs.append(("x-request-id", request_id(call.request)))
    if "cache-control" not in names:
        pairs.append(("cache-control", "no-store"))
    if envelope.status in _WITHOUT_BODY:
        body = b""
    if envelope.status not in _WITHOUT_LENGTH:
        pairs.append(("content-length", str(len(body))))
    response.raw_headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs]
    if call.access.rate is not None:
        response.raw_headers += rate_headers(call.access.rate)
    response.body = b"" if call.request.method == "HEAD" else body
    return response


def _failure_error(services: Services, call: Call, envelope: Envelope) -> HoldfastError:
    """The error for a call without a response. Only users who may change the extension see what the guest reported."""
    failure = envelope.failure or FailureReport(code=(envelope.error or "").split(":", 1)[0].strip()[:64] or "runner_error")
    details: dict[str, Any] = {"code": failure.code}
    if services.is_development or call.access.caller.may("extension:write"):
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


def _outcome(failure: HoldfastError) -> tuple[Status, int, str]:
    if isinstance(failure, GatewayTimeout):
        return "timeout", failure.status, "timeout"
    if isinstance(failure, BadGateway):
        details: Mapping[str, Any] = failure.details or {}
        return "error", failure.status, str(details.get("code", "runner_error"))
    if isinstance(failure, ExtensionBusy | BeingPrepared):
        return "error", failure.status, failure.code
    return "policy_denied", failure.status, failure.code


async def _start_audit(services: Services, call: Call, request_id: str) -> AuditRow:
    access = call.access
    identity = access.caller.identity
    return await services.audit.start(
        tenant_id=identity.tenant_id,
        registry_id=access.registry_id,
        version_id=access.version_id,
        request_id=request_id,
        method=call.method,
        path=call.path,
        endpoint_template=access.endpoint.path,
        principal_kind=access.principal_kind,
        user_id=identity.user_id,
    )


def _tenant(call: Call) -> str:
    return call.access.caller.identity.tenant_id
