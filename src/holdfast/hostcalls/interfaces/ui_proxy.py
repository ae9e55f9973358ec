"""The interface `ui-proxy`: calls of the application's own routes on behalf of the extension."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.contract.ui_proxy_routes import CALL_TOKEN_HEADER, is_declared, platform_segments
from holdfast.hostcalls.call.errors import HostCallError
from holdfast.hostcalls.interfaces.session import Session
from holdfast.world.capabilities import Capability
from holdfast.world.types import ProxyError

API_KEY_SECRET = "api_key"  # noqa: S105 - the name of the secret, not the secret


async def call_route(session: Session, route: str, payload: bytes | None) -> bytes:
    """Calls a route and returns the body of its response, without status and headers.

    A route of the application (`/api/…`) must be declared in the manifest. The request carries the token of the call, with which it has the
    caller's rights, and the secret `api_key` as `x-api-key` only if the install was granted `cap:secrets.get`. Raises HostCallError.
    """
    proxy, call = session.ui_proxy, session.call
    if proxy is None:
        raise HostCallError(ProxyError.ROUTE_NOT_FOUND, "no application is configured behind ui-proxy (UI_PROXY_BASE_URL)")
    if not call.tenant_id or not call.extension_id:
        raise HostCallError(ProxyError.INTERNAL, "the call names no tenant or no extension")
    if not route.strip():
        raise HostCallError(ProxyError.BAD_REQUEST, "the route is empty")
    url = proxy.url(route.strip(), call.extension_id)
    _require_declared(call.ui_proxy_routes, "GET" if payload is None else "POST", route.strip())
    headers = {
        "x-request-id": call.request_id or "ui-proxy-call",
        "x-alga-tenant": call.tenant_id,
        "x-alga-extension": call.extension_id,
        "accept-encoding": "identity",
    }
    if payload is not None:
        headers["content-type"] = "application/json"
    if call.install_id:
        headers["x-ext-install-id"] = call.install_id
    if call.version_id:
        headers["x-ext-version-id"] = call.version_id
    if Capability.SECRETS_GET in session.granted and API_KEY_SECRET in session.secrets:
        headers["x-api-key"] = session.secrets[API_KEY_SECRET]
    if call.call_token is not None and platform_segments(route.strip()) is not None:
        headers[CALL_TOKEN_HEADER] = call.call_token
    if call.user is not None:
        headers["x-user-id"] = call.user.user_id
        headers["x-user-email"] = call.user.user_email
    return await proxy.send(url, headers, payload)


def _require_declared(routes: Sequence[str] | None, method: str, route: str) -> None:
    segments = platform_segments(route)
    if routes is None or segments is None or is_declared(routes, method, segments):
        return
    named = f"{method} /{'/'.join(segments)}"[:300]
    raise HostCallError(ProxyError.DENIED, f'the manifest does not declare this route: add "{named}" to "uiProxy": {{"routes": […]}}')
