"""`GET /api/v1/openapi.json`: the REST as an OpenAPI 3.1 document, made from the types that read the requests and make the answers."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

import holdfast
from holdfast.gateway import administration, ext_bundles, extensions_config, extensions_contract, extensions_grants, extensions_installs
from holdfast.gateway import extensions_secrets as secrets
from holdfast.gateway import extensions_versions as versions
from holdfast.gateway.answers import guarded, json_answer
from holdfast.gateway.extensions_shapes import camel_name
from holdfast.gateway.openapi_operations import SHAPES, TEMPLATE, operations
from holdfast.gateway.services import Services
from holdfast.records.administration import TenantSummary, UserSummary
from holdfast.records.key_administration import ApiKeySummary
from holdfast.registry.asking import Publication
from holdfast.registry.details import InstallDetails
from holdfast.registry.grants import Grants
from holdfast.registry.installing import Installed
from holdfast.registry.listing import InstallSummary
from holdfast.registry.publication import Published
from holdfast.registry.removal import Uninstalled
from holdfast.registry.secrets import SecretsSummary
from holdfast.registry.upgrading import Upgraded
from holdfast.registry.versions import VersionSummary

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
        return json_answer(content)

    return [Route(PATH, guarded(openapi), methods=["GET"])]


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
