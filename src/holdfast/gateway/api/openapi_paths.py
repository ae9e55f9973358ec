"""What can be done over the REST, path by path, for its OpenAPI document."""

from __future__ import annotations

from typing import Any

from holdfast.registry.publishing.uploads import MAX_UPLOAD_BYTES

TEMPLATE = "#/components/schemas/{name}"

_KEYS: list[dict[str, list[str]]] = [{"apiKey": []}, {"bearer": []}, {"session": []}]
_DETAILS = {"hint": {"type": "string"}, "details": {}, "requestId": {"type": "string"}}

_TEXT = {"type": "string"}

SHAPES: dict[str, Any] = {
    "Uploaded": {
        "type": "object",
        "required": ["upload", "filename", "size"],
        "properties": {
            "upload": {"type": "object", "required": ["key", "strategy"], "properties": {"key": _TEXT, "strategy": {"const": "staging"}}},
            "filename": _TEXT,
            "size": {"type": "integer"},
            "declaredHash": _TEXT,
        },
    },
    "Finalized": {
        "type": "object",
        "required": ["extension", "version", "contentHash", "canonicalKey", "published"],
        "properties": {
            "extension": {"type": "object", "required": ["id", "name", "publisher"]},
            "version": {"type": "object", "required": ["id", "version"]},
            "contentHash": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "canonicalKey": _TEXT,
            "published": {"$ref": "#/components/schemas/Published"},
        },
    },
    "Aborted": {
        "type": "object",
        "required": ["status", "key", "area"],
        "properties": {"status": {"enum": ["deleted", "noop"]}, "key": _TEXT, "area": {"enum": ["staging", "canonical"]}},
    },
    "Error": {
        "type": "object",
        "description": "The one shape of every refusal. `error` is stable, `message` and `hint` are for people.",
        "required": ["error", "message", "requestId"],
        "properties": {"error": {"type": "string"}, "message": {"type": "string"}, **_DETAILS},
    },
    "BundleError": {
        "type": "object",
        "description": "How publishing is refused: `error` is a sentence, `code` is stable; for a version that exists both are in `error`.",
        "required": ["error"],
        "properties": {"error": {"type": ["string", "object"]}, "code": {"type": "string"}, "success": {"const": False}, **_DETAILS},
    },
    "ContractError": {
        "type": "object",
        "description": "How the contract's three routes refuse: the sentence and the code are in `error`, or beside `missing`.",
        "required": ["success", "requestId"],
        "properties": {
            "success": {"const": False},
            "error": {"type": "object", "required": ["message", "code"]},
            "code": {"type": "string"},
            "message": {"type": "string"},
            "missing": {"type": "array"},
            "requestId": {"type": "string"},
        },
    },
}

_EXTENSION = {
    "name": "extension",
    "in": "path",
    "required": True,
    "description": "Id of the install or of the registry, `publisher.name` in any letter case, or a name that is the only one.",
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,255}$"},
}
_VERSION = {
    "name": "version",
    "in": "path",
    "required": True,
    "description": "A version, such as `1.2.3`.",
    "schema": {"type": "string", "pattern": r"^[0-9A-Za-z][0-9A-Za-z.+*-]{0,127}$"},
}
_SECRET = {
    "name": "key",
    "in": "path",
    "required": True,
    "description": "The name of a secret.",
    "schema": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"},
}
_KEY_ID = {
    "name": "key_id",
    "in": "path",
    "required": True,
    "description": "The id of an API key.",
    "schema": {"type": "string", "format": "uuid"},
}


_USER = {
    "name": "user",
    "in": "path",
    "required": True,
    "description": "The id or email address of a user.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def operations() -> dict[str, Any]:
    """The object `paths` of the document."""
    one = "/api/v1/extensions/{extension}"
    return {
        "/api/v1/extensions": {
            "get": _read("What is installed.", _list("extensions", "InstallSummary")),
            "post": _change("Install a published version.", "Install", _ref("Installed"), status="201", also=("404", "409", "502", "503")),
        },
        one: _of_one(
            get=_read("One install.", _ref("InstallDetails"), also=("404", "409")),
            delete=_change("Uninstall.", None, _ref("Uninstalled"), also=("404", "409", "503")),
        ),
        f"{one}/upgrade": _of_one(
            post=_change("Move to another version.", "Upgrade", _ref("Upgraded"), also=("404", "409", "502", "503"), body_required=False)
        ),
        f"{one}/rollback": _of_one(
            post=_change(
                "Move back to the version before.", "Rollback", _ref("Upgraded"), also=("404", "409", "502", "503"), body_required=False
            )
        ),
        f"{one}/enable": _of_one(post=_change("Switch on.", None, _flag("enabled"), also=("404", "409"))),
        f"{one}/disable": _of_one(post=_change("Switch off.", None, _flag("enabled"), also=("404", "409"))),
        f"{one}/config": _of_one(
            get=_read("The settings.", _config(), also=("404", "409")),
            put=_change("Replace all settings.", "Replacement", _config(), also=("404", "409")),
            patch=_change("Change single settings.", "Patch", _config(), also=("404", "409"), body_required=False),
        ),
        f"{one}/grants": _of_one(
            get=_read("What is asked for and what is granted.", _ref("Grants"), also=("404", "409")),
            post=_change("Grant.", "Rights", _ref("Grants"), also=("404", "409"), body_required=False),
            delete=_change("Revoke.", "Rights", _ref("Grants"), also=("404", "409"), body_required=False),
        ),
        f"{one}/secrets": _of_one(
            get=_read("The names of the secrets. This needs `extension:write`.", _ref("SecretsSummary"), also=("404", "409", "503")),
            put=_change("Set secrets.", "Secrets", _ref("SecretsSummary"), also=("404", "409", "503")),
            delete=_change("Remove all secrets.", None, _ref("SecretsSummary"), also=("404", "409", "503")),
        ),
        f"{one}/secrets/{{key}}": _of_one(
            _SECRET, delete=_change("Remove a secret.", None, _ref("SecretsSummary"), also=("404", "409", "503"))
        ),
        f"{one}/versions": _of_one(
            get=_read("The published versions, newest first.", _list("versions", "VersionSummary"), also=("404", "409"))
        ),
        f"{one}/versions/{{version}}/yank": _of_one(
            _VERSION,
            post=_change("Hide a version from new installs.", "Yank", _flag("yanked"), also=("404", "409"), body_required=False),
            delete=_change("Show it again.", None, _flag("yanked"), also=("404", "409")),
        ),
        "/api/v1/publications/{extension}/{version}": _of_one(
            _VERSION, get=_read("What a version asks for; `latest` is the newest.", _ref("Publication"), also=("404", "409"))
        ),
        "/api/v1/extensions/install": {"post": _contract("Install, as the published tools do.", "ContractInstall", status="202")},
        "/api/v1/extensions/update": {"post": _contract("Upgrade.", "ContractUpdate")},
        "/api/v1/extensions/uninstall": {"post": _contract("Uninstall.", "ContractUninstall")},
        "/api/ext-bundles/upload-proxy": {"post": _upload()},
        "/api/ext-bundles/finalize": {"post": _bundle("Publish an upload.", "Finalize", _ref("Finalized"))},
        "/api/ext-bundles/abort": {"post": _bundle("Take an upload away.", "Abort", _ref("Aborted"))},
        "/api/v1/tenants": {"get": _read("The tenant of whoever asks.", _list("tenants", "TenantSummary"))},
        "/api/v1/users": {
            "get": _read("The users of the tenant.", _list("users", "UserSummary")),
            "post": _change(
                "Make a user.", "UserToMake", _shown_once("user", "UserSummary", "password"), status="201", also=("404", "409")
            ),
        },
        "/api/v1/users/{user}": {
            "parameters": [_USER],
            "patch": _change("Shut a user out, let them in again, or give them another password.", "UserChange", _named(), also=("404",)),
        },
        "/api/v1/users/{user}/sessions": {
            "parameters": [_USER],
            "delete": _change("End every session of a user.", None, _named(), also=("404",)),
        },
        "/api/v1/api-keys": {
            "get": _read("The API keys of the tenant.", _list("apiKeys", "ApiKeySummary")),
            "post": _change("Make an API key.", "ApiKeyToMake", _shown_once("apiKey", "ApiKeySummary", "key"), status="201", also=("404",)),
        },
        "/api/v1/api-keys/{key_id}": {
            "parameters": [_KEY_ID],
            "delete": _change("Revoke an API key.", None, _shown_once("apiKey", "ApiKeySummary"), also=("404",)),
        },
        "/api/v1/openapi.json": {"get": {"summary": "This document.", "responses": {"200": _json("It.", {"type": "object"})}}},
    }


def _read(summary: str, schema: dict[str, Any], *, also: tuple[str, ...] = ()) -> dict[str, Any]:
    return {"summary": summary, "security": _KEYS, "responses": {"200": _json("It.", schema), **_refusals("400", "401", "403", *also)}}


def _change(
    summary: str,
    body: str | None,
    schema: dict[str, Any],
    *,
    status: str = "200",
    also: tuple[str, ...] = (),
    body_required: bool = True,
) -> dict[str, Any]:
    refusals = ("400", "401", "403", *also) if body is None else ("400", "401", "403", "408", "413", *also)
    operation = {"summary": summary, "security": _KEYS, "responses": {status: _json("Done.", schema), **_refusals(*refusals)}}
    return operation if body is None else {**operation, "requestBody": _body(body, required=body_required)}


def _contract(summary: str, body: str, *, status: str = "200") -> dict[str, Any]:
    done = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "type": "object",
                "required": ["registryId", "success", "message"],
                "properties": {
                    "registryId": {"type": "string"},
                    "version": {"type": "string"},
                    "installId": {"type": "string"},
                    "success": {"const": True},
                    "message": {"type": "string"},
                },
            }
        },
    }
    refusals = _refusals("400", "401", "403", "404", "408", "409", "413", "502", "503", shape="ContractError")
    return {
        "summary": summary,
        "security": _KEYS,
        "requestBody": _body(body, required=True),
        "responses": {status: _json("Done.", done), **refusals},
    }


def _upload() -> dict[str, Any]:
    def query(name: str, schema: dict[str, Any], *, required: bool = True) -> dict[str, Any]:
        return {"name": name, "in": "query", "required": required, "schema": schema}

    return {
        "summary": "Upload a bundle (`.tar.zst`), to be published afterwards.",
        "security": _KEYS,
        "parameters": [
            query("filename", {"type": "string", "minLength": 1, "maxLength": 255}),
            query("size", {"type": "integer", "minimum": 1, "maximum": MAX_UPLOAD_BYTES}),
            query("declaredHash", {"type": "string", "pattern": "^[0-9a-f]{64}$"}, required=False),
        ],
        "requestBody": {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}},
        "responses": {
            "200": _json("Where it waits.", _ref("Uploaded")),
            **_refusals("400", "401", "403", "408", "413", "429", "500", "503", shape="BundleError"),
        },
    }


def _bundle(summary: str, body: str, schema: dict[str, Any]) -> dict[str, Any]:
    refusals = _refusals("400", "401", "403", "404", "408", "409", "413", "422", "429", "500", "503", shape="BundleError")
    return {
        "summary": summary,
        "security": _KEYS,
        "requestBody": _body(body, required=True),
        "responses": {"200": _json("Done.", schema), **refusals},
    }


def _of_one(*more: dict[str, Any], **methods: dict[str, Any]) -> dict[str, Any]:
    return {"parameters": [_EXTENSION, *more], **methods}


def _refusals(*statuses: str, shape: str = "Error") -> dict[str, Any]:
    return {status: _json("Refused; the body says why.", _ref(shape)) for status in statuses}


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _body(name: str, *, required: bool) -> dict[str, Any]:
    return {"required": required, "content": {"application/json": {"schema": _ref(name)}}}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": TEMPLATE.format(name=name)}


def _list(name: str, of: str) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: {"type": "array", "items": _ref(of)}}}


def _shown_once(name: str, of: str, secret: str | None = None) -> dict[str, Any]:
    """What was made, and where there is one, the secret that is seen only here."""
    properties = {name: _ref(of)} if secret is None else {name: _ref(of), secret: _TEXT}
    return {"type": "object", "required": [name], "properties": properties}


def _named() -> dict[str, Any]:
    """The user that something was done to."""
    return {"type": "object", "required": ["email"], "properties": {"email": _TEXT}}


def _flag(name: str) -> dict[str, Any]:
    return {"type": "object", "required": [name], "properties": {name: {"type": "boolean"}, "version": {"type": "string"}}}


def _config() -> dict[str, Any]:
    return {"type": "object", "required": ["config"], "properties": {"config": {"type": "object"}}}
