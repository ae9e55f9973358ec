"""`/api/v1/api-keys`: the API keys with which programs act as users of the caller's tenant."""

from __future__ import annotations

import structlog
from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import ApiKeyResult, to_result
from holdfast.gateway.api.request_bodies import CreateApiKeyRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.database.uuids import as_uuid
from holdfast.records.errors import AccountError
from holdfast.records.key_administration import issue_api_key, list_api_keys, revoke_api_key

_log = structlog.get_logger(__name__)


async def show_api_keys(services: Services, request: Request, caller: Caller) -> Response:
    keys = await list_api_keys(services.db, tenant_id=caller.identity.tenant_id)
    return json_response({"apiKeys": to_result(keys, list[ApiKeyResult])})


async def add_api_key(services: Services, request: Request, caller: Caller) -> Response:
    """Creates a key that acts as the caller and outlives and outranks neither the caller's own key nor session."""
    identity = caller.identity
    body = await read_request(request, CreateApiKeyRequest)
    created, key = await issue_api_key(
        services.db,
        tenant_id=identity.tenant_id,
        user=identity.user_id,
        description=body.description,
        scopes=body.scopes,
        within=identity.scopes,
        expires_at=body.expires_at,
        until=identity.expires_at,
        now=services.now,
    )
    _log.info("api_key_created", tenant=identity.tenant_id, by=identity.user_id, key=created.api_key_id)
    return json_response({"apiKey": to_result(created, ApiKeyResult), "key": key}, 201)


async def delete_api_key(services: Services, request: Request, caller: Caller) -> Response:
    identity = caller.identity
    key_id = as_uuid(request.path_params["key_id"])
    if key_id is None:
        raise AccountError("api_key_unknown", "No such API key found.", hint="GET /api/v1/api-keys lists the keys with their ids.")
    revoked = await revoke_api_key(services.db, tenant_id=identity.tenant_id, key=key_id)
    _log.info("api_key_revoked", tenant=identity.tenant_id, by=identity.user_id, key=key_id)
    return json_response({"apiKey": to_result(revoked, ApiKeyResult)})
