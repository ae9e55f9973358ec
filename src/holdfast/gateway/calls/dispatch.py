"""One call, after access was granted: write the audit row, read the install, run, respond, complete the row. Both gateways end here."""

from __future__ import annotations

from datetime import timedelta

import structlog
from msgspec import structs
from starlette.responses import Response

from holdfast.bundles.store.errors import BundleNotFound
from holdfast.contract.execute import CallUsage, Envelope, FailureReport
from holdfast.errors import HoldfastError
from holdfast.events.model.event import notice
from holdfast.gateway.audit import AuditRow, Status
from holdfast.gateway.auth.authorization import Access, access_again
from holdfast.gateway.auth.call_tokens import CallToken
from holdfast.gateway.calls.call import Call
from holdfast.gateway.calls.guest_response import failure_error, guest_response, outcome_of
from holdfast.gateway.calls.runner_request import build_request, proxy_routes, transport_headers
from holdfast.gateway.http.errors import BadGateway, GatewayError
from holdfast.gateway.http.responses import EXTENSION_ERROR, add_headers, log_failed_call
from holdfast.gateway.services import Services
from holdfast.http.fast_operations import WholeRequest
from holdfast.http.rate_headers import rate_headers
from holdfast.logs import fast_info
from holdfast.registry.installs.call_context import InstallContext, install_context

MAX_REPLACEMENTS = 3
"""How often one call follows an install whose bundle is replaced while the runner fetches it."""

_log = structlog.get_logger(__name__)


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
    if call.access.rate is not None:
        add_headers(call.request, rate_headers(call.access.rate))
    # The guide tells operators to look for this line; method and path are part of it.
    fast_info(
        _log,
        f"[{call.request.scope['method']} {call.request.scope['path']}]",
        request_id=call.request_id,
        tenant=call.tenant_id,
        effective_method=call.method,
    )
    # Before the audit row: like a rate limit, a used up quota leaves none.
    await services.quotas.start(call.tenant_id, call.access.registry_id, call.access.install.context.quotas)
    row = await _start_audit(services, call)
    status: Status = "error"
    http_status: int | None = None
    # For a caller that disconnects: asyncio.CancelledError matches no `except` below, and the audit row still needs an end.
    error: str | None = "cancelled"
    try:
        await _refresh_access(services, call)
        envelope = await _execute(services, call)
        if isinstance(envelope.usage, CallUsage):
            services.quotas.add(call.tenant_id, call.access.registry_id, envelope.usage)
        if envelope.error is not None:
            raise failure_error(call, envelope, is_development=services.is_development)
        response = _response(services, call, envelope)
        status, http_status, error = "ok", envelope.status, None
        if envelope.status >= 400:
            status, error = "upstream_error", EXTENSION_ERROR
            if envelope.status >= 500:
                log_failed_call(call.request, envelope.status, error)
        return response
    except HoldfastError as failure:
        status, http_status, error = outcome_of(failure)
        raise
    except Exception:
        status, http_status, error = "error", 503, "internal_error"
        raise
    finally:
        services.audit.finish(row, status=status, http_status=http_status, error=error)


async def _execute(services: Services, call: Call) -> Envelope:
    """The runner's envelope. A bundle that is gone was replaced after the install was read: then the call runs on the one of now.

    Each save of an author replaces a bundle, and a runner may be slow to fetch one. Nothing was executed without it.
    """
    context = _install_of(services, call.access)
    envelope = await _send(services, call, context)
    for _ in range(MAX_REPLACEMENTS):
        if not (isinstance(envelope.failure, FailureReport) and envelope.failure.rule == BundleNotFound.code):
            break
        # From the database: what this process knows may be older.
        newer = await install_context(services.db, call.tenant_id, call.access.registry_id, now=services.now)
        if newer is None or newer.version_id != context.version_id or newer.content_hash in (None, context.content_hash):
            break
        context = newer
        envelope = await _send(services, call, context)
    return envelope


async def _send(services: Services, call: Call, context: InstallContext) -> Envelope:
    timeout_ms = services.settings.gateway_timeout_ms
    return await services.runner.execute(
        build_request(call, context, timeout_ms=timeout_ms, call_token=_call_token(services, call, context)),
        transport_headers(call, context),
        body=call.body,
        timeout_ms=timeout_ms,
    )


def _call_token(services: Services, call: Call, context: InstallContext) -> str | None:
    """What stands for this call in requests through ui-proxy; None for an extension that cannot make any."""
    if not proxy_routes(context) or not context.ui_proxy_routes:
        return None
    # A call waits at most twice its deadline: for its bundle to be prepared, and for its response.
    ends_at = services.now() + timedelta(milliseconds=2 * services.settings.gateway_timeout_ms + 5_000)
    caller = call.access.caller
    token = CallToken(
        credential_hash=caller.token_hash,
        is_key=caller.credential.identity.scopes is not None,
        tenant_id=context.tenant_id,
        install_id=context.install_id,
        ends_at=int(ends_at.timestamp()),
    )
    return services.call_tokens.issue(token)


def _response(services: Services, call: Call, envelope: Envelope) -> Response:
    """The extension's response. One that cannot be passed on is also reported in its debug stream: the runner took it for a success."""
    try:
        return guest_response(call, envelope)
    except BadGateway as rejected:
        access = call.access
        about = notice(call.tenant_id, access.registry_id, f"call failed: invalid_response: {rejected}", level="error")
        services.events.publish(structs.replace(about, install_id=access.install_id, request_id=call.request_id))
        raise


async def _refresh_access(services: Services, call: Call) -> None:
    """Sets the access as of now: the body may have taken long to arrive, and the audit row to be written."""
    try:
        access = await access_again(services, call.access, call.method, call.path)
    except GatewayError as error:
        if error.code != "extension_not_available":
            raise
        raise GatewayError("not_installed", "The extension was removed or disabled a moment ago.", hint="Install it again.") from error
    if access is call.access:
        return
    if (access.install_id, access.version_id) != (call.access.install_id, call.access.version_id):
        # The audit row names the version that the first check was about.
        raise GatewayError("access_policy_unavailable", "The extension was just replaced.", hint="Call again.")
    call.access = access


def _install_of(services: Services, access: Access) -> InstallContext:
    context = access.install.context_at(services.now())
    if context.content_hash is None:
        raise GatewayError("not_installed", "The installed version has no bundle.", hint="Install the extension again.")
    return context


async def _start_audit(services: Services, call: Call) -> AuditRow:
    access = call.access
    identity = access.caller.credential.identity
    return await services.audit.start(
        tenant_id=identity.tenant_id,
        registry_id=access.registry_id,
        version_id=access.version_id,
        request_id=call.request_id,
        method=call.method,
        path=call.path,
        endpoint_template=access.endpoint.path,
        principal_kind=access.principal_kind,
        user_id=identity.user_id,
    )
