"""Executes one background call: as a call of a person, without the person. Audit row, quotas, runner, and what the response means."""

from __future__ import annotations

import hashlib

import structlog
from msgspec import UNSET

from holdfast.contract.background_call import BackgroundCall, BackgroundResult
from holdfast.contract.execute import CallUsage, Envelope, ExecuteCall, ExecuteContext, ExecuteHttp, ExecuteLimits
from holdfast.errors import HoldfastError
from holdfast.gateway.audit import AuditRow, Status
from holdfast.gateway.calls.guest_response import outcome_of
from holdfast.gateway.calls.runner_request import install_headers, proxy_routes
from holdfast.gateway.http.responses import EXTENSION_ERROR
from holdfast.gateway.services import Services
from holdfast.gateway.snapshots.install import InstallSnapshot
from holdfast.registry.installs.call_context import InstallContext
from holdfast.registry.models.endpoints import Endpoint

NOT_RETRYABLE = frozenset({"quota_exceeded", "invalid_response", "response_too_large"})

_log = structlog.get_logger(__name__)


async def execute_background(services: Services, call_id: str, request_id: str, call: BackgroundCall) -> BackgroundResult:
    """The result of one execution. Raises DatabaseError when the audit log cannot be written."""
    install = await services.snapshots.install_by_id(call.install_id, call.tenant_id)
    if install is None:
        return BackgroundResult(status="skipped", code="install_unavailable", error="The extension is not installed, or is disabled.")
    context = install.context_at(services.now())
    if call.requires is not None and call.requires not in context.providers:
        return BackgroundResult(status="skipped", code="capability_missing", error=f"The install is not granted {call.requires}.")
    endpoint = install.endpoints.match(call.method, call.path)
    if endpoint is None:
        text = f"Version {context.version} has no endpoint {call.method} {call.path}."
        return BackgroundResult(status="error", code="endpoint_missing", error=text)
    if context.content_hash is None:
        return BackgroundResult(status="error", code="not_installed", error="The installed version has no bundle.")
    try:
        await services.quotas.start(context.tenant_id, context.registry_id)
    except HoldfastError as refusal:
        return BackgroundResult(status="error", code=refusal.code, error=refusal.message, http_status=refusal.status)
    return await _audited(services, call_id, request_id, call, install, endpoint)


async def _audited(
    services: Services, call_id: str, request_id: str, call: BackgroundCall, install: InstallSnapshot, endpoint: Endpoint
) -> BackgroundResult:
    context = install.context_at(services.now())
    row = await _start_audit(services, request_id, call, context, endpoint)
    ended: tuple[Status, int | None, str | None] = ("error", None, "cancelled")
    try:
        envelope = await services.runner.execute(
            _request(call, request_id, call_id, context, endpoint, timeout_ms=services.settings.gateway_timeout_ms),
            _headers(call, request_id, call_id, context),
            body=call.body_b64,
            timeout_ms=services.settings.gateway_timeout_ms,
        )
        if isinstance(envelope.usage, CallUsage):
            services.quotas.add(context.tenant_id, context.registry_id, envelope.usage)
        result = _result_of(envelope, max_bytes=services.settings.ext_runner_max_response_bytes)
        ended = _audit_end(result)
        return result
    except HoldfastError as failure:
        ended = outcome_of(failure)
        return BackgroundResult(status="error", code=ended[2], error=failure.message, http_status=failure.status, retryable=True)
    finally:
        status, http_status, error = ended
        services.audit.finish(row, status=status, http_status=http_status, error=error)


def _result_of(envelope: Envelope, *, max_bytes: int) -> BackgroundResult:
    """What a response of the runner means. A status of 500 and above, and 408, 425 and 429, may be another one next time."""
    if envelope.error is not None:
        failure = envelope.failure
        code = failure.code if failure else envelope.error.split(":", 1)[0].strip()[:64] or "runner_error"
        text = failure.message if failure and failure.message else envelope.error
        return BackgroundResult(status="error", code=code, error=text, retryable=code not in NOT_RETRYABLE)
    size = len(envelope.body_b64 or b"")
    if size > max_bytes:
        text = f"Runner response too large ({size} bytes)"
        return BackgroundResult(status="error", code="response_too_large", error=text, http_status=envelope.status)
    if envelope.status >= 400:
        again = envelope.status >= 500 or envelope.status in (408, 425, 429)
        text = f"Runner returned status {envelope.status}"
        return BackgroundResult(status="error", code="extension_status", error=text, http_status=envelope.status, retryable=again)
    return BackgroundResult(status="success", http_status=envelope.status)


def _audit_end(result: BackgroundResult) -> tuple[Status, int | None, str | None]:
    if result.status == "success":
        return "ok", result.http_status, None
    if result.code == "extension_status":
        return "upstream_error", result.http_status, EXTENSION_ERROR
    return "error", result.http_status, result.code


def _request(
    call: BackgroundCall, request_id: str, call_id: str, context: InstallContext, endpoint: Endpoint, *, timeout_ms: int
) -> ExecuteCall:
    assert context.content_hash is not None
    headers: dict[str, str | list[str]] = dict(call.headers)
    if call.body_b64 is not None:
        headers.setdefault("content-type", "application/json")
    headers |= {
        "x-request-id": request_id,
        "x-alga-tenant": context.tenant_id,
        "x-alga-extension": context.registry_id,
        # The same for all attempts: what the extension did in one, it recognises in the next.
        "x-idempotency-key": call_id,
    }
    return ExecuteCall(
        context=ExecuteContext(
            request_id=request_id,
            tenant_id=context.tenant_id,
            extension_id=context.registry_id,
            extension_name=context.name,
            extension_version=context.version,
            install_id=context.install_id,
            version_id=context.version_id,
            content_hash=context.content_hash,
            config=context.config,
            settings=UNSET if context.settings is None else context.settings,
            egress=context.egress,
            egress_withheld=context.egress_withheld,
            ui_proxy_routes=proxy_routes(context),
            trigger=call.trigger,
            schedule_id=UNSET if call.schedule_id is None else call.schedule_id,
        ),
        http=ExecuteHttp(
            method=call.method, path=call.path, url=call.path, headers=headers, body_b64=UNSET if call.body_b64 is None else ""
        ),
        limits=ExecuteLimits(timeout_ms=timeout_ms),
        providers=context.providers,
        endpoint=f"{endpoint.method} {endpoint.path}",
        secret_envelope=UNSET if context.secret_envelope is None else context.secret_envelope,
    )


def _headers(call: BackgroundCall, request_id: str, call_id: str, context: InstallContext) -> dict[str, str]:
    headers = install_headers(request_id, context)
    # The runner repeats the response to a known key: that is right for an attempt whose result was lost, and wrong for the next attempt.
    headers["x-idempotency-key"] = hashlib.sha256(f"{call.trigger}\n{call_id}\n{call.number}".encode()).hexdigest()
    return headers


async def _start_audit(services: Services, request_id: str, call: BackgroundCall, context: InstallContext, endpoint: Endpoint) -> AuditRow:
    return await services.audit.start(
        tenant_id=context.tenant_id,
        registry_id=context.registry_id,
        version_id=context.version_id,
        request_id=request_id,
        method=call.method,
        path=call.path,
        endpoint_template=endpoint.path,
        principal_kind=call.trigger,
        user_id=call.schedule_id or "",
    )
