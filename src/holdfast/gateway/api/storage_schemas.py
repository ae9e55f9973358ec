"""`/api/v1/extensions/{extension}/storage-schemas`: the schemas that values of an install's namespaces have to satisfy."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import NamespaceSchemaResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.api.request_bodies import RegisterSchemaRequest, SetSchemaStatusRequest, read_request
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.lookup import require_install
from holdfast.registry.models.ids import slug
from holdfast.storage.schemas import NamespaceSchema, NamespaceSchemas


class _Found(NamedTuple):
    registry_id: str
    name: str
    schemas: NamespaceSchemas


async def show_schemas(services: Services, request: Request, caller: Caller) -> Response:
    found = await _find(services, request, caller)
    listed = await found.schemas.list_schemas(request.query_params.get("namespace"))
    return json_response({"schemas": to_result(listed, list[NamespaceSchemaResult])})


async def register_schema(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, RegisterSchemaRequest)
    found = await _find(services, request, caller)
    registered = await found.schemas.register(
        body.namespace, body.schema_version, body.schema, activate=body.activate, created_by=caller.actor.user_id
    )
    return await _changed(services, caller, found, registered)


async def set_schema_status(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, SetSchemaStatusRequest)
    found = await _find(services, request, caller)
    return await _changed(services, caller, found, await found.schemas.set_status(body.namespace, body.schema_version, body.status))


async def _find(services: Services, request: Request, caller: Caller) -> _Found:
    tenant_id = caller.actor.tenant_id
    async with services.db.session() as session:
        install, registry, _version = await require_install(session, tenant_id, extension_parameter(request))
        name = slug(registry.publisher, registry.name)
        return _Found(registry.id, name, services.storage.schemas_of(tenant_id, install.id))


async def _changed(services: Services, caller: Caller, found: _Found, schema: NamespaceSchema) -> Response:
    async with services.db.transaction() as session:
        record_audit(
            session,
            caller.actor,
            "storage_schema.changed",
            resource_id=found.registry_id,
            resource_name=found.name,
            now=services.now(),
            namespace=schema.namespace,
            schema_version=schema.schema_version,
            status=schema.status,
        )
    return json_response({"schema": to_result(schema, NamespaceSchemaResult)})
