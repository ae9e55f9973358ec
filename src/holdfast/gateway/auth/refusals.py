"""The errors of calls without access. `details.rule` names the rule that refused, the hint is the remedy for exactly that cause."""

from __future__ import annotations

from typing import Any

from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.snapshots.install import InstallSnapshot
from holdfast.records.database.database import Database
from holdfast.registry.installs.lookup import find_install
from holdfast.registry.models.endpoints import METHODS

MAX_LISTED_ENDPOINTS = 100

AVAILABILITY_RULES = {
    "not_installed": "Your tenant has no install with this name or id.",
    "disabled": "Your tenant has the extension, but it is disabled. Run `holdfast enable NAME`.",
}
ENDPOINT_RULES = {
    "path_not_declared": "No endpoint has this path.",
    "method_not_declared": "An endpoint has this path, with the methods in `details.methods`.",
    "method_not_supported": "No endpoint can have this method.",
}
FORBIDDEN_RULES = {
    "permission": "Your roles do not include `details.permission`.",
    "key_scope": "The scopes of your API key do not include `details.permission`, or extensions at all.",
    "client_portal_closed": "Client users may not call this extension: its manifest has no `ui.hooks.clientPortalMenu`.",
    "endpoint_closed_to_clients": "Client users may not call this endpoint.",
    "ui_proxy": "An extension called a route for its user that its manifest does not declare, or without `cap:ui.proxy`.",
    "no_client": "Your user is a client user whose contact belongs to no client.",
}
"""Each code with several causes: its rules, each with the cause, for the reference of error codes."""


def forbidden(rule: str, message: str, *, hint: str | None = None, **details: Any) -> GatewayError:
    """The error `forbidden` with the rule that refused."""
    return GatewayError("forbidden", message, hint=hint, details={"rule": rule, **details})


def no_method(method: str) -> GatewayError:
    """The error for a method that no endpoint can have."""
    return GatewayError(
        "endpoint_not_found",
        f"Extensions have no endpoints for {method}.",
        hint=f"Send one of {', '.join(sorted(METHODS))}.",
        details={"rule": "method_not_supported"},
    )


async def not_available(db: Database, tenant_id: str, extension: str) -> GatewayError:
    """The error for an extension that the tenant does not have, or has disabled."""
    async with db.session() as session:
        found = await find_install(session, tenant_id, extension)
    if found is None:
        return GatewayError(
            "extension_not_available",
            # The guide has people look for the first words.
            f"Extension not found: {extension} is not installed for your tenant.",
            hint="`holdfast list` shows what is installed.",
            details={"rule": "not_installed"},
        )
    return GatewayError(
        "extension_not_available",
        f"The extension {extension} is installed for your tenant, but disabled.",
        hint=f"`holdfast enable {extension}` enables it.",
        details={"rule": "disabled"},
    )


def no_endpoint(install: InstallSnapshot, method: str, path: str, *, show_endpoints: bool) -> GatewayError:
    """The error for a method and path that the manifest does not declare: whether the path exists with other methods.

    With `show_endpoints`, it lists what the manifest declares: for those who may change the extension.
    """
    context = install.context
    name = f"{context.slug} {context.version}"
    methods = [other for other in sorted(METHODS) if install.endpoints.match(other, path) is not None]
    details: dict[str, Any] = {"rule": "path_not_declared"}
    message = f"{name} declares no endpoint {method} {path}: no endpoint has this path."
    hint = "Check the path, or declare it in manifest.json under api.endpoints, and install the extension again."
    if methods:
        details = {"rule": "method_not_declared", "methods": methods}
        message = f"{name} declares no endpoint {method} {path}, but one for {', '.join(methods)}."
        hint = (
            f"Send {methods[0]}, or declare {method} for this path in manifest.json under api.endpoints, and install the extension again."
        )
    if show_endpoints:
        details["endpoints"] = [f"{endpoint.method} {endpoint.path}" for endpoint in context.api_endpoints[:MAX_LISTED_ENDPOINTS]]
    return GatewayError("endpoint_not_found", message, hint=hint, details=details)
