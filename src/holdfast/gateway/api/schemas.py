"""Parameters, and the shapes of results that no type describes, for the table of operations."""

from __future__ import annotations

from typing import Any

from holdfast.http.operations import Parameter, Schema

_TEXT = {"type": "string"}

EXTENSION = Parameter(
    "extension",
    "path",
    {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9 ._@-]{0,255}$"},
    "Id of the install or of the registry, `publisher.name` in any letter case, or a name that only one extension has.",
)
VERSION = Parameter("version", "path", {"type": "string", "pattern": r"^[0-9A-Za-z][0-9A-Za-z.+*-]{0,127}$"}, "A version, such as `1.2.3`.")
SECRET_NAME = Parameter("key", "path", {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"}, "The name of a secret.")
NAMESPACE = Parameter("namespace", "query", {"type": "string", "minLength": 1, "maxLength": 128}, "Only those of this namespace.")
EVENT_ID = Parameter("event_id", "path", {"type": "string", "format": "uuid"}, "The id of an event.")
API_KEY_ID = Parameter("key_id", "path", {"type": "string", "format": "uuid"}, "The id of an API key.")
AFTER = Parameter(
    "after", "query", {"type": "string", "format": "uuid"}, "`nextAfter` of the page before; absent for the first page.", required=False
)
LIMIT = Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 1_000}, "Rows of a page; 100 by default.", required=False)
USER = Parameter("user", "path", {"type": "string", "minLength": 1, "maxLength": 255}, "The id or email address of a user.")

SCHEDULE = Parameter("schedule", "path", {"type": "string", "format": "uuid"}, "The id of a schedule.")
RUN = Parameter("run", "path", {"type": "string", "format": "uuid"}, "The id of a run.")
RUN_CURSOR = Parameter("cursor", "query", {"type": "string", "maxLength": 512}, "`nextCursor` of the page before.", required=False)
RUN_LIMIT = Parameter("limit", "query", {"type": "integer", "minimum": 1, "maximum": 200}, "Runs of a page; 25 by default.", required=False)

CONFIG = {"type": "object", "required": ["config"], "properties": {"config": {"type": "object"}}}
AFFECTED_USER = {"type": "object", "required": ["email"], "properties": {"email": _TEXT}}
DOCUMENT = {"type": "object"}

LEGACY_SUCCESS = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "data": {
            "type": "object",
            "required": ["registryId", "success", "message"],
            "properties": {
                "registryId": _TEXT,
                "version": _TEXT,
                "installId": _TEXT,
                "success": {"const": True},
                "message": _TEXT,
            },
        }
    },
}


def list_of(name: str, item: Schema) -> dict[str, Any]:
    """An object whose field `name` is an array."""
    return {"type": "object", "required": [name], "properties": {name: {"type": "array", "items": item}}}


def object_with(name: str, value: Schema, *, shown_once: str | None = None) -> dict[str, Any]:
    """An object whose field `name` is `value`. `shown_once` names a field with a secret that no later response has."""
    properties: dict[str, Any] = {name: value} if shown_once is None else {name: value, shown_once: _TEXT}
    return {"type": "object", "required": [name], "properties": properties}


def flag(name: str) -> dict[str, Any]:
    """An object whose field `name` is true or false."""
    return {"type": "object", "required": [name], "properties": {name: {"type": "boolean"}, "version": _TEXT}}
