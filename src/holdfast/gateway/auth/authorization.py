"""Access control of calls: may this caller call this endpoint of this extension now? The checks run in order; the first failure decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.auth.permissions import require_permission
from holdfast.gateway.http.errors import GatewayError
from holdfast.gateway.services import Services
from holdfast.http.token_bucket import Decision
from holdfast.records.identities import client_of
from holdfast.registry.installs.lookup import find_install
from holdfast.registry.models.endpoints import METHODS, Endpoint, match_endpoint, read_endpoints


@dataclass(frozen=True, kw_only=True)
class Access:
    """What is allowed: the caller (a client user always with its client), and the endpoint of one install and version."""

    caller: Caller
    install_id: str
    registry_id: str
    version_id: str
    endpoint: Endpoint
    client_id: str | None
    rate: Decision | None = None
    """The state of the rate limit after this call; None without one."""

    @property
    def principal_kind(self) -> str:
        return "client" if self.client_id is not None else "msp"


async def assert_access(services: Services, caller: Caller, extension: str, method: str, path: str) -> Access:
    """Checks the access of one call and counts it against the rate limits of the extension and the user.

    `extension` is an install id, a registry id, `publisher.name`, or a name that only one extension has; `path` may be percent-encoded.
    Raises GatewayError (`endpoint_not_found`, `extension_not_available`, `forbidden`), RateLimited, RegistryError (`ambiguous_extension`).
    """
    method = method.strip().upper()
    if method == "HEAD":
        method = "GET"
    if method not in METHODS:
        raise GatewayError("endpoint_not_found", f"Extensions have no endpoints for {method}.")
    identity = caller.identity
    async with services.db.session() as session:
        found = await find_install(session, identity.tenant_id, extension, only_enabled=True)
    if found is None:
        raise GatewayError(
            "extension_not_available",
            f"The extension {extension} is not installed for your tenant, or is disabled.",
            hint="`holdfast list` shows what is installed.",
        )
    install, registry, version = found
    endpoints = read_endpoints(version.api_endpoints)
    endpoint = match_endpoint(endpoints, method, path)
    if endpoint is None:
        raise GatewayError(
            "endpoint_not_found",
            f"{registry.publisher}.{registry.name} {version.version} declares no endpoint {method} {path}.",
            hint="Declare it in manifest.json under api.endpoints, and install the extension again.",
        )
    if identity.is_client:
        client_id = await _client_of_user(services, caller, version.ui, endpoint)
    else:
        client_id = None
        await require_permission(services, caller, "extension:read" if method == "GET" else "extension:write")
        if endpoint.permission is not None:
            await require_permission(services, caller, endpoint.permission)
    rate = await services.call_rate_limits.acquire(identity.tenant_id, registry.id, identity.user_id, is_client=identity.is_client)
    return Access(
        caller=caller,
        install_id=install.id,
        registry_id=registry.id,
        version_id=version.id,
        endpoint=endpoint,
        client_id=client_id,
        rate=rate,
    )


async def _client_of_user(services: Services, caller: Caller, ui: dict[str, Any] | None, endpoint: Endpoint) -> str:
    """The client that a client user calls for. The extension must be in the client portal, and its endpoint open to it.

    Client users have no permissions, so an endpoint that needs one is open to them only if the manifest says so. Raises GatewayError
    (`forbidden`).
    """
    label = ((ui or {}).get("hooks") or {}).get("clientPortalMenu") or {}
    if not str(label.get("label") or "").strip():
        raise GatewayError("forbidden", "This extension is not open to client users.")
    if endpoint.client_portal is False or (endpoint.permission is not None and endpoint.client_portal is None):
        raise GatewayError("forbidden", "This endpoint is not open to client users.")
    if caller.identity.scopes is not None and not caller.identity.scopes & {"*", "extension:read", "extension:write"}:
        raise GatewayError("forbidden", "The scopes of your API key do not include extensions.")
    client_id = await client_of(services.db, caller.identity)
    if client_id is None:
        raise GatewayError("forbidden", "Your user belongs to no client.", hint="Ask an administrator to link your contact to a client.")
    return client_id
