"""The routes of development: the session of `holdfast dev`, its reports, and the events of an extension's page.

They exist in development only, those of the session only for programs on this machine. A session belongs to the tenant of the API key that
opened it: it can report extensions of that tenant, and no other tenant's pages or calls see them.
"""

from __future__ import annotations

import ipaddress

from starlette.requests import Request
from starlette.responses import Response

from holdfast.gateway.api.development.streams import page_frames, session_frames
from holdfast.gateway.auth.authentication import Caller, caller_of
from holdfast.gateway.auth.permissions import require_permission
from holdfast.gateway.debug_stream.live import LiveResponse
from holdfast.gateway.debug_stream.selection import read_selection
from holdfast.gateway.development.reports import BuildState, Registered
from holdfast.gateway.development.sessions import DevelopmentSession
from holdfast.gateway.http.error_formats import STANDARD_ERRORS
from holdfast.gateway.http.errors import GatewayError, RateLimited
from holdfast.gateway.http.json_body import decode_json
from holdfast.gateway.http.requests import read_body
from holdfast.gateway.services import Services
from holdfast.http.operations import Operation
from holdfast.http.responses import json_response
from holdfast.registry.installs.call_context import InstallContext, install_context

SESSION_HEADER = "x-holdfast-session"
MAX_REPORT_BYTES = 512 * 1024
RETRY_SECONDS = 5


async def open_session(services: Services, request: Request) -> Response:
    """Opens a session, which lasts as long as this response. Needs an API key with `extension:write`."""
    caller = await _author(services, request)
    if services.settings.gateway_workers > 1:
        raise GatewayError(
            "development_unavailable",
            "`holdfast dev` needs a platform with one gateway process.",
            hint="Start the platform without --workers (or GATEWAY_WORKERS).",
        )
    if services.development.is_full:
        raise RateLimited("Too many `holdfast dev` are connected.", retry_after_seconds=RETRY_SECONDS, hint="Stop one of them.")
    tenant_id = caller.identity.tenant_id
    return LiveResponse(session_frames(services, tenant_id), services.open_development_streams, tenant_id)


async def report_state(services: Services, request: Request) -> Response:
    """Sets how far the build of one extension is."""
    session, context = await _session_and_install(services, request)
    state = decode_json(await read_body(request, MAX_REPORT_BYTES), BuildState)
    sessions = services.development
    if sessions.developed_elsewhere(session, context.registry_id):
        raise GatewayError(
            "already_developed",
            f"Another `holdfast dev` builds {context.display_name}.",
            hint="Stop it, or name other folders.",
        )
    if not sessions.may_add(session, context.registry_id):
        raise GatewayError("already_developed", "One `holdfast dev` builds at most 64 extensions.", hint="Start another one.")
    sessions.report(session, context.registry_id, _names(context), state)
    return json_response(Registered(registry_id=context.registry_id, tenant_id=context.tenant_id))


async def withdraw_extension(services: Services, request: Request) -> Response:
    """The session does not build this extension any more."""
    session, context = await _session_and_install(services, request)
    services.development.withdraw(session, context.registry_id)
    return Response(status_code=204)


async def answer_check(services: Services, request: Request) -> Response:
    """The session has compared its source with what it built."""
    session = await _session(services, request)
    services.development.checked(session, request.path_params["check"])
    return Response(status_code=204)


async def stream_page_events(services: Services, request: Request) -> Response:
    """Server-sent events for the page around an extension of the caller's tenant: the state now, then each change."""
    _require_development(services)
    selection = await read_selection(services, request)
    services.open_development_streams.check(selection.tenant_id)
    frames = page_frames(services, selection.tenant_id, selection.extension_id)
    return LiveResponse(frames, services.open_development_streams, selection.tenant_id)


OPERATIONS: tuple[Operation[Services], ...] = (
    Operation(method="GET", path="/api/ext-dev/session", handler=open_session, errors=STANDARD_ERRORS),
    Operation(method="PUT", path="/api/ext-dev/extensions/{extension}", handler=report_state, errors=STANDARD_ERRORS),
    Operation(method="DELETE", path="/api/ext-dev/extensions/{extension}", handler=withdraw_extension, errors=STANDARD_ERRORS),
    Operation(method="POST", path="/api/ext-dev/checks/{check}", handler=answer_check, errors=STANDARD_ERRORS),
    Operation(method="GET", path="/api/ext-dev/events", handler=stream_page_events, errors=STANDARD_ERRORS),
)


def _names(context: InstallContext) -> frozenset[str]:
    """All that a call may name the extension by."""
    return frozenset(name.lower() for name in (context.install_id, context.registry_id, context.slug, context.name))


def _require_development(services: Services) -> None:
    """Production has none of these routes."""
    if not services.is_development:
        raise GatewayError("endpoint_not_found", "Only a platform in development has this.")


def _require_this_machine(request: Request) -> None:
    """Only `holdfast dev` on this machine reports; pages that follow may be open in a browser elsewhere."""
    if not _is_loopback(request.client.host if request.client is not None else None):
        raise GatewayError("endpoint_not_found", "Only programs on the machine of the platform may use this.")


def _is_loopback(host: str | None) -> bool:
    try:
        return host is not None and ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def _author(services: Services, request: Request) -> Caller:
    _require_development(services)
    _require_this_machine(request)
    caller = await caller_of(services, request)
    if caller.by != "token":
        raise GatewayError("forbidden", "A session of `holdfast dev` needs an API key.", hint="Send it as 'Authorization: Bearer KEY'.")
    require_permission(caller, "extension:write")
    return caller


async def _session(services: Services, request: Request) -> DevelopmentSession:
    caller = await _author(services, request)
    session = services.development.find_session(caller.identity.tenant_id, request.headers.get(SESSION_HEADER, ""))
    if session is None:
        raise GatewayError("forbidden", "This session of `holdfast dev` has ended.", hint="Connect again.")
    return session


async def _session_and_install(services: Services, request: Request) -> tuple[DevelopmentSession, InstallContext]:
    session = await _session(services, request)
    extension = request.path_params["extension"]
    context = await install_context(services.db, session.tenant_id, extension, only_enabled=False)
    if context is None:
        raise GatewayError("extension_not_available", f"The extension {extension} is not installed for your tenant.", hint="Install it.")
    return session, context
