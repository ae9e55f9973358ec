"""The pages of those who are signed in: overview, an extension's frame, its live debug."""

from __future__ import annotations

import re
import shlex

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from holdfast.console import notices
from holdfast.console.addresses import extension_path
from holdfast.console.notices import Notice
from holdfast.console.shell import Console, Visit, signed_in, staff
from holdfast.registry.installs.call_context import InstallContext, install_context

_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}")


def page_routes(console: Console) -> list[Route]:
    """GET routes of all pages. An extension's page exists with and without a slash at its end; extensions link to both."""
    overview, frame, debug = staff(console, _overview), staff(console, _frame), staff(console, _debug)
    portal, portal_frame = signed_in(console, _portal), signed_in(console, _portal_frame)
    return [
        Route("/", signed_in(console, _home), methods=["GET"]),
        Route("/msp/dashboard", overview, methods=["GET"]),
        Route("/msp/extensions", overview, methods=["GET"]),
        Route("/msp/extensions/", overview, methods=["GET"]),
        Route("/msp/settings/extensions", overview, methods=["GET"]),
        Route("/msp/extensions/{extension}", frame, methods=["GET"]),
        Route("/msp/extensions/{extension}/", frame, methods=["GET"]),
        Route("/msp/extensions/{extension}/debug", debug, methods=["GET"]),
        Route("/client-portal", portal, methods=["GET"]),
        Route("/client-portal/extensions/{extension}", portal_frame, methods=["GET"]),
        Route("/client-portal/extensions/{extension}/", portal_frame, methods=["GET"]),
    ]


async def _home(visit: Visit) -> Response:
    target = "/client-portal" if visit.visitor.is_client else "/msp/dashboard"
    return RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})


async def _overview(visit: Visit) -> Response:
    return visit.console.pages.answer("overview.html", {**visit.values("overview"), "installs": visit.installs, "seals": visit.seals()})


async def _portal(visit: Visit) -> Response:
    return visit.console.pages.answer("portal.html", visit.values())


async def _frame(visit: Visit) -> Response:
    context = await _context(visit)
    if context is None:
        return visit.notice(notices.not_installed(visit.request.path_params["extension"]))
    if context.registry_id != visit.request.path_params["extension"]:
        query = f"?{visit.request.url.query}" if visit.request.url.query else ""
        return RedirectResponse(f"/msp/extensions/{context.registry_id}/{query}", status_code=307)
    problem = _problem(context)
    return visit.notice(problem, context.registry_id) if problem else _framed(visit, context)


async def _portal_frame(visit: Visit) -> Response:
    """The same frame for a client's users, where the extension opted in. What they may not open does not exist for them."""
    context = await _context(visit) if visit.visitor.is_client else None
    hidden = context is None or context.registry_id != visit.request.path_params["extension"] or not _in_portal(context)
    if context is None or hidden or _problem(context) is not None:
        return visit.notice(notices.NOT_IN_PORTAL)
    return _framed(visit, context)


async def _debug(visit: Visit) -> Response:
    context = await _context(visit)
    if context is None:
        return visit.notice(notices.not_installed(visit.request.path_params["extension"]))
    if context.registry_id != visit.request.path_params["extension"]:
        return RedirectResponse(f"/msp/extensions/{context.registry_id}/debug", status_code=307)
    values = {**visit.values(context.registry_id), "context": context, "example": _example_call(visit, context)}
    return visit.console.pages.answer("debug.html", values)


async def _context(visit: Visit) -> InstallContext | None:
    extension = visit.request.path_params["extension"]
    if _EXTENSION.fullmatch(extension) is None:
        return None
    return await install_context(visit.console.services.db, visit.visitor.tenant_id, extension, only_enabled=False)


def _problem(context: InstallContext) -> Notice | None:
    if not context.is_enabled:
        return notices.disabled(context.display_name, context.registry_id)
    if context.ui is None:
        return notices.without_page(context.display_name, context.registry_id)
    if context.content_hash is None:
        return notices.without_bundle(context.display_name)
    return None


def _in_portal(context: InstallContext) -> bool:
    hooks = (context.ui or {}).get("hooks") or {}
    return bool(((hooks.get("clientPortalMenu") or {}).get("label") or "").strip())


def _framed(visit: Visit, context: InstallContext) -> Response:
    assert context.content_hash is not None  # _problem has turned the others away
    base, path = visit.console.frame_base, extension_path(visit.request.query_params.get("path"))
    source = base.document(context.registry_id, context.content_hash, path=path, tenant_id=context.tenant_id)
    frame = base.frame_source(context.registry_id, context.content_hash, host=visit.request.headers.get("host", ""))
    values = {**visit.values(context.registry_id), "context": context, "src": source, "path": path, "seals": visit.seals()}
    connections = [base.origin] if base.origin else []
    return visit.console.pages.answer("frame.html", values, frames=[frame], connections=connections)


def _example_call(visit: Visit, context: InstallContext) -> str:
    """A call of the extension's first endpoint, for a terminal."""
    endpoint = context.api_endpoints[0] if context.api_endpoints else None
    method, path = (endpoint.method, endpoint.path) if endpoint else ("GET", "/")
    address = f"{visit.request.url.scheme}://{visit.request.url.netloc}/api/ext/{context.registry_id}/{path.lstrip('/')}"
    # Quoted: the path comes from a manifest, and the line is made to be pasted into a shell.
    return f'curl -X {method} -H "x-api-key: $HOLDFAST_API_KEY" {shlex.quote(address)}'
