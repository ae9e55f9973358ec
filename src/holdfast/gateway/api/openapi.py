"""`GET /api/v1/openapi.json`: the REST as an OpenAPI 3.1 document, made from the types that read the requests and make the answers."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import holdfast
from holdfast.gateway.api import config as extensions_config
from holdfast.gateway.api import grants as extensions_grants
from holdfast.gateway.api import installs as extensions_installs
from holdfast.gateway.api import legacy as extensions_contract
from holdfast.gateway.api import secrets, versions
from holdfast.gateway.api import users_and_keys as administration
from holdfast.gateway.api.camel_case import camel_name
from holdfast.gateway.api.openapi_paths import SHAPES, TEMPLATE, operations
from holdfast.gateway.http.responses import respond_to_errors
from holdfast.gateway.publishing import routes as ext_bundles
from holdfast.gateway.services import Services
from holdfast.http.responses import json_response
from holdfast.records.administration import TenantSummary, UserSummary
from holdfast.records.key_administration import ApiKeySummary
from holdfast.registry.installs.details import InstallDetails
from holdfast.registry.installs.grants import Grants
from holdfast.registry.installs.install import Installed
from holdfast.registry.installs.listing import InstallSummary
from holdfast.registry.installs.uninstall import Uninstalled
from holdfast.registry.installs.upgrade import Upgraded
from holdfast.registry.publishing.publish import Published
from holdfast.registry.publishing.requirements import Publication
from holdfast.registry.publishing.versions import VersionSummary
from holdfast.registry.secrets.administration import SecretsSummary

PATH = "/api/v1/openapi.json"
_ASKED = [
    extensions_installs.Install,
    extensions_installs.Upgrade,
    extensions_installs.Rollback,
    versions.Yank,
    extensions_grants.Rights,
    extensions_config.Replacement,
    extensions_config.Patch,
    secrets.Secrets,
    extensions_contract.ContractInstall,
    extensions_contract.ContractUpdate,
    extensions_contract.ContractUninstall,
    ext_bundles.Finalize,
    ext_bundles.Abort,
    administration.UserToMake,
    administration.UserChange,
    administration.ApiKeyToMake,
]
_TOLD = [
    InstallSummary,
    InstallDetails,
    Installed,
    Uninstalled,
    Upgraded,
    Grants,
    SecretsSummary,
    VersionSummary,
    Publication,
    Published,
    TenantSummary,
    UserSummary,
    ApiKeySummary,
]


def document() -> dict[str, Any]:
    """The document as JSON data."""
    _, asked = msgspec.json.schema_components(_ASKED, ref_template=TEMPLATE)
    _, told = msgspec.json.schema_components(_TOLD, ref_template=TEMPLATE)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Holdfast",
            "version": holdfast.__version__,
            "description": "Publishing and administering extensions. `extension:read` is needed to read, `extension:write` to change; for "
            "users and API keys, `user:read` and `user:write`.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": operations(),
        "components": {
            "schemas": {
                **{name: _tidy(schema) for name, schema in asked.items()},
                **{name: _tidy(_in_camel(schema)) for name, schema in told.items()},
                **SHAPES,
            },
            "securitySchemes": {
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key or the token of a session."},
                "session": {"type": "apiKey", "in": "cookie", "name": "holdfast_session"},
            },
        },
    }


def routes(services: Services) -> list[BaseRoute]:
    """The route. The document is no secret."""
    content = document()

    async def openapi(request: Request) -> Response:
        return json_response(content)

    return [Route(PATH, respond_to_errors(openapi), methods=["GET"])]


def _in_camel(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a struct as `camel` writes it: every field is there."""
    if "properties" not in schema:
        return schema
    properties = {camel_name(name): value for name, value in schema["properties"].items()}
    return {**schema, "properties": properties, "required": list(properties)}


def _tidy(schema: dict[str, Any]) -> dict[str, Any]:
    """Descriptions come from docstrings, with their line breaks."""
    text = schema.get("description")
    return schema if text is None else schema | {"description": " ".join(text.split())}
