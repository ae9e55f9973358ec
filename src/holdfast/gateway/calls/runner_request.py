"""What the gateway sends to the runner for a call: the request of the execute contract, and its headers."""

from __future__ import annotations

import hashlib

from msgspec import UNSET, UnsetType

from holdfast.contract.execute import ExecuteCall, ExecuteContext, ExecuteHttp, ExecuteLimits, ExecuteUser
from holdfast.gateway.auth.authorization import Access
from holdfast.gateway.calls.call import Call
from holdfast.gateway.http.headers import to_guest
from holdfast.gateway.http.requests import query_pairs
from holdfast.registry.installs.call_context import InstallContext
from holdfast.world.capabilities import Capability


def build_request(call: Call, context: InstallContext, *, timeout_ms: int, call_token: str | None) -> ExecuteCall:
    """The body of `POST /v1/execute`, without the bytes of the request body. The context has a content hash.

    `call_token` stands for the call in requests through ui-proxy; None for an extension that declares no routes.
    """
    assert context.content_hash is not None
    endpoint = call.access.endpoint
    return ExecuteCall(
        context=ExecuteContext(
            request_id=call.request_id,
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
            call_token=UNSET if call_token is None else call_token,
        ),
        http=ExecuteHttp(
            method=call.method,
            path=call.path,
            # The whole target in addition to the map: the map holds only one value of a repeated field.
            url=f"{call.path}?{call.query}" if call.query else call.path,
            query=dict(query_pairs(call.query)) if call.query else {},
            headers=_guest_headers(call),
            body_b64=UNSET if call.body is None else "",  # the client of the runners adds the body
        ),
        limits=ExecuteLimits(timeout_ms=timeout_ms),
        providers=context.providers,
        endpoint=f"{endpoint.method} {endpoint.path}",
        user=_user(call.access),
        secret_envelope=UNSET if context.secret_envelope is None else context.secret_envelope,
    )


def proxy_routes(context: InstallContext) -> list[str] | UnsetType:
    """The routes that the extension may call through ui-proxy; left out when it may not use ui-proxy at all."""
    return context.ui_proxy_routes if Capability.UI_PROXY in context.providers else UNSET


def transport_headers(call: Call, context: InstallContext) -> dict[str, str]:
    """The headers of the request to the runner, besides those of its client."""
    headers = install_headers(call.request_id, context)
    if call.idempotency_key is not None:
        # The runner may repeat a stored response for a known key. The scope makes sure that it is the same person's same request.
        user_id = call.access.caller.credential.identity.user_id
        scope = "\n".join((user_id, call.method, call.path, call.query, call.idempotency_key))
        headers["x-idempotency-key"] = hashlib.sha256(scope.encode() + b"\n" + (call.body or b"")).hexdigest()
    return headers


def install_headers(request_id: str, context: InstallContext) -> dict[str, str]:
    """The headers that name the request and the install."""
    headers = {
        "x-request-id": request_id,
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
    return headers


def _guest_headers(call: Call) -> dict[str, str | list[str]]:
    headers = to_guest(call.request.scope["headers"], call.access.endpoint.request_headers)
    headers["x-request-id"] = call.request_id
    headers["x-alga-tenant"] = call.tenant_id
    headers["x-alga-extension"] = call.access.registry_id
    if call.idempotency_key is not None:
        headers["x-idempotency-key"] = call.idempotency_key
    return headers


def _user(access: Access) -> ExecuteUser:
    identity = access.caller.credential.identity
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
