"""`/api/v1/extensions/{extension}/storage-schemas`: the schemas that values of an install's namespaces have to satisfy."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from holdfast.contract.registry_api import NamespaceSchemaResult, to_result
from holdfast.gateway.api.path_parameters import extension_parameter
from holdfast.gateway.api.request_bodies import RegisterSchemaRequest, SetSchemaStatusRequest, read_request
from holdfast.gateway.api.storage.administration import SchemaAdministration
from holdfast.gateway.auth.authentication import Caller
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.storage.schemas import NamespaceSchema


async def show_schemas(services: Services, request: Request, caller: Caller) -> Response:
    schemas = await _open(services, request, caller)
    listed = await schemas.list_schemas(request.query_params.get("namespace"))
    return json_response({"schemas": to_result(listed, list[NamespaceSchemaResult])})


async def register_schema(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, RegisterSchemaRequest)
    schemas = await _open(services, request, caller)
    return _one(await schemas.register(body.namespace, body.schema_version, body.schema, activate=body.activate))


async def set_schema_status(services: Services, request: Request, caller: Caller) -> Response:
    body = await read_request(request, SetSchemaStatusRequest)
    schemas = await _open(services, request, caller)
    return _one(await schemas.set_status(body.namespace, body.schema_version, body.status))


async def _open(services: Services, request: Request, caller: Caller) -> SchemaAdministration:
    return await SchemaAdministration.open(services.db, caller.actor, extension_parameter(request))


def _one(schema: NamespaceSchema) -> Response:
    return json_response({"schema": to_result(schema, NamespaceSchemaResult)})
