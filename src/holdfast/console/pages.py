"""The pages for logged-in users: overview, an extension's frame, its live debug, and the client portal."""

from __future__ import annotations

import re
import shlex

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from holdfast.console import error_pages
from holdfast.console.error_pages import ErrorPage
from holdfast.console.page_requests import PageRequest, login_required, staff_required
from holdfast.console.services import ConsoleServices
from holdfast.console.urls import extension_path, origin_of, with_context
from holdfast.errors import HoldfastError
from holdfast.registry.installs.call_context import InstallContext, install_context

_EXTENSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,199}")


def page_routes(console: ConsoleServices) -> list[Route]:
    """GET routes of all pages. An extension's page exists with and without a trailing slash: extensions link to both."""
    overview, frame, debug = (staff_required(console, page) for page in (show_overview, show_frame, show_debug))
    home, portal, portal_frame = (login_required(console, page) for page in (show_home, show_portal, show_portal_frame))
    return [
        Route("/", home, methods=["GET"]),
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


async def show_home(page: PageRequest) -> Response:
    target = "/client-portal" if page.visitor.is_client else "/msp/dashboard"
    return RedirectResponse(target, status_code=303, headers={"cache-control": "no-store"})


async def show_overview(page: PageRequest) -> Response:
    values = {**page.layout_values("overview"), "installs": page.installs, "signatures": page.signature_states()}
    return page.console.pages.render("overview.html", values)


async def show_portal(page: PageRequest) -> Response:
    return page.console.pages.render("portal.html", page.layout_values())


async def show_frame(page: PageRequest) -> Response:
    """The page of an extension. An extension named otherwise than by its registry id redirects to that."""
    context = await _install_context(page)
    if context is None:
        return page.error_page(error_pages.not_installed(page.request.path_params["extension"]))
    if context.registry_id != page.request.path_params["extension"]:
        query = f"?{page.request.url.query}" if page.request.url.query else ""
        return RedirectResponse(f"/msp/extensions/{context.registry_id}/{query}", status_code=307)
    error_page = _why_not_shown(context)
    return page.error_page(error_page, context.registry_id) if error_page else await _render_frame(page, context)


async def show_portal_frame(page: PageRequest) -> Response:
    """The same frame for client users, if the extension opted in. Every reason not to show it looks the same, and so reveals nothing."""
    context = await _install_context(page) if page.visitor.is_client else None
    hidden = context is None or context.registry_id != page.request.path_params["extension"] or not _is_in_portal(context)
    if context is None or hidden or _why_not_shown(context) is not None:
        return page.error_page(error_pages.NOT_IN_PORTAL)
    return await _render_frame(page, context)


async def show_debug(page: PageRequest) -> Response:
    """The live debug page. It exists for disabled extensions too: their last events may say what went wrong."""
    context = await _install_context(page)
    if context is None:
        return page.error_page(error_pages.not_installed(page.request.path_params["extension"]))
    if context.registry_id != page.request.path_params["extension"]:
        return RedirectResponse(f"/msp/extensions/{context.registry_id}/debug", status_code=307)
    values = {**page.layout_values(context.registry_id), "context": context, "example": _example_call(page, context)}
    values["unset"] = await _unset_values(page, context)
    return page.console.pages.render("debug.html", values)


async def _unset_values(page: PageRequest, context: InstallContext) -> dict[str, list[str]]:
    """The names of required settings and secrets without a value, for the page's notice to people who work on the extension."""
    if page.visitor.is_client:
        return {"settings": [], "secrets": []}
    gateway, extension = page.console.gateway, context.install_id
    details = await gateway.installs.details(tenant_id=context.tenant_id, extension=extension)
    missing = details.required_secrets
    if missing and context.secret_envelope is not None:
        try:
            keys = (await gateway.secrets.list(tenant_id=context.tenant_id, extension=extension)).keys
        except HoldfastError:
            missing = []  # which ones are set is unknown; the page of secrets reports why
        else:
            missing = [name for name in missing if name not in keys]
    return {"settings": details.unset_settings, "secrets": missing}


async def _install_context(page: PageRequest) -> InstallContext | None:
    extension = page.request.path_params["extension"]
    if _EXTENSION.fullmatch(extension) is None:
        return None
    return await install_context(page.console.gateway.db, page.visitor.tenant_id, extension, only_enabled=False)


def _why_not_shown(context: InstallContext) -> ErrorPage | None:
    if not context.is_enabled:
        return error_pages.disabled(context.display_name, context.registry_id)
    if context.ui is None:
        return error_pages.without_page(context.display_name, context.registry_id)
    if context.content_hash is None:
        return error_pages.without_bundle(context.display_name)
    return None


def _is_in_portal(context: InstallContext) -> bool:
    hooks = (context.ui or {}).get("hooks") or {}
    return bool(((hooks.get("clientPortalMenu") or {}).get("label") or "").strip())


async def _render_frame(page: PageRequest, context: InstallContext) -> Response:
    assert context.content_hash is not None  # _why_not_shown reports installs without a bundle
    base, path = page.console.frame_base, extension_path(page.request.query_params.get("path"))
    host, developed = page.request.headers.get("host", ""), page.console.gateway.development.find(context.tenant_id, context.registry_id)
    entry = str((context.ui or {}).get("entry") or "ui/index.html")
    source = base.document(context.registry_id, context.content_hash, path=path, tenant_id=context.tenant_id, entry=entry)
    frames = [base.frame_source(context.registry_id, context.content_hash, host=host)]
    built = None
    if developed is not None:
        built = developed.state
        # `holdfast dev` replaces the bundle while the page is open.
        frames = [base.versions_source(context.registry_id, host=host)]
        if built.page_url is not None:
            source = with_context(built.page_url, context.registry_id, path=path, tenant_id=context.tenant_id)
            frames.append(origin_of(built.page_url))
    values = {
        **page.layout_values(context.registry_id),
        "context": context,
        "src": source,
        "path": path,
        "signatures": page.signature_states(),
        "built": built,
        "unset": await _unset_values(page, context),
    }
    connections = [base.origin] if base.origin else []
    if built is not None and built.page_url is not None:
        connections.append(origin_of(built.page_url))
    return page.console.pages.render("frame.html", values, frames=frames, connections=connections)


def _example_call(page: PageRequest, context: InstallContext) -> str:
    """A shell command that calls the extension's first endpoint."""
    endpoint = context.api_endpoints[0] if context.api_endpoints else None
    method, path = (endpoint.method, endpoint.path) if endpoint else ("GET", "/")
    address = f"{page.request.url.scheme}://{page.request.url.netloc}/api/ext/{context.registry_id}/{path.lstrip('/')}"
    # Quoted, because the path comes from a manifest and people paste the command into a shell.
    return f'curl -X {method} -H "x-api-key: $HOLDFAST_API_KEY" {shlex.quote(address)}'
