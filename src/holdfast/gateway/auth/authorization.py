"""Access control of calls: may this caller call this endpoint of this extension now? The checks run in order; the first failure decides."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from holdfast.gateway.auth.authentication import Caller, caller_again
from holdfast.gateway.auth.permissions import require_permission
from holdfast.gateway.auth.refusals import forbidden, no_endpoint, no_method, not_available
from holdfast.gateway.services import Services
from holdfast.gateway.snapshots.install import InstallSnapshot
from holdfast.http.token_bucket import Decision
from holdfast.records.changes.feed import Stamp
from holdfast.registry.models.endpoints import METHODS, Endpoint


class Access(Struct, frozen=True, kw_only=True):
    """What is allowed: the caller (a client user always with its client), and the endpoint of one install at one version."""

    caller: Caller
    extension: str
    install: InstallSnapshot
    endpoint: Endpoint
    client_id: str | None
    stamp: Stamp | None
    """The state of the change feed that all this is from; None: not known."""
    rate: Decision | None = None
    """The state of the rate limit after this call; None without one."""

    @property
    def install_id(self) -> str:
        return self.install.context.install_id

    @property
    def registry_id(self) -> str:
        return self.install.context.registry_id

    @property
    def version_id(self) -> str:
        return self.install.context.version_id

    @property
    def principal_kind(self) -> str:
        return "client" if self.client_id is not None else "msp"


async def assert_access(services: Services, caller: Caller, extension: str, method: str, path: str) -> Access:
    """Checks the access of one call and counts it against the rate limits of the extension and the user.

    `extension` is an install id, a registry id, `publisher.name`, or a name that only one extension has; `path` may be percent-encoded.
    Raises GatewayError (`endpoint_not_found`, `extension_not_available`, `forbidden`), RateLimited, RegistryError (`ambiguous_extension`).
    """
    access = await _check(services, caller, extension, method, path)
    identity = caller.credential.identity
    rate = await services.call_rate_limits.acquire(
        identity.tenant_id, access.registry_id, identity.user_id, is_client=access.client_id is not None
    )
    return access if rate is None else replace(access, rate=rate)


async def access_again(services: Services, access: Access, method: str, path: str) -> Access:
    """The access as of now: the same unless something that decides it has changed since, else checked again, but not counted again.

    `method` and `path` are those of the first check. Raises Unauthenticated, and what `assert_access` raises.
    """
    stamp = services.changes.stamp(access.caller.credential.identity.tenant_id)
    if stamp is not None and stamp == access.stamp:
        return access
    caller = await caller_again(services, access.caller)
    return replace(await _check(services, caller, access.extension, method, path), rate=access.rate)


async def _check(services: Services, caller: Caller, extension: str, method: str, path: str) -> Access:
    method = method.strip().upper()
    if method == "HEAD":
        method = "GET"
    if method not in METHODS:
        raise no_method(method)
    found = await services.snapshots.install(caller.credential.identity.tenant_id, extension, caller.stamp)
    if found is None:
        raise await not_available(services.db, caller.credential.identity.tenant_id, extension)
    install = found.value
    endpoint = install.endpoints.match(method, path)
    if endpoint is None:
        may_see = services.is_development or caller.may("extension:write")
        raise no_endpoint(install, method, path, show_endpoints=may_see)
    client_id = None
    if caller.credential.identity.is_client:
        client_id = _client_of_user(caller, install, endpoint)
    else:
        require_permission(caller, "extension:read" if method == "GET" else "extension:write")
        if endpoint.permission is not None:
            require_permission(caller, endpoint.permission)
    return Access(caller=caller, extension=extension, install=install, endpoint=endpoint, client_id=client_id, stamp=caller.stamp)


def _client_of_user(caller: Caller, install: InstallSnapshot, endpoint: Endpoint) -> str:
    """The client that a client user calls for. The extension must be in the client portal, and its endpoint open to it.

    Client users have no permissions, so an endpoint that needs one is open to them only if the manifest says so. Raises GatewayError
    (`forbidden`).
    """
    if not install.is_in_client_portal:
        raise forbidden(
            "client_portal_closed",
            "This extension is not open to client users.",
            hint="Declare ui.hooks.clientPortalMenu in manifest.json, and install the extension again.",
        )
    if endpoint.client_portal is False or (endpoint.permission is not None and endpoint.client_portal is None):
        raise forbidden(
            "endpoint_closed_to_clients",
            "This endpoint is not open to client users.",
            hint="Remove `clientPortal: false` of the endpoint in manifest.json, or set it to true for an endpoint with a permission.",
        )
    scopes = caller.credential.identity.scopes
    if scopes is not None and not scopes & {"*", "extension:read", "extension:write"}:
        raise forbidden(
            "key_scope",
            "The scopes of your API key do not include extensions.",
            hint="Use a key with the scope extension:read or extension:write.",
        )
    if caller.credential.client_id is None:
        raise forbidden("no_client", "Your user belongs to no client.", hint="Ask an administrator to link your contact to a client.")
    return caller.credential.client_id
