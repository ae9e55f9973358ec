"""The JSON Schema of `manifest.json`, for editors: made from the one definition, and as strict as a schema can be."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.manifest.settings.keywords import ALL_KEYWORDS, DRAFT, DRAFTS, KEY_PATTERN, SCHEMA_KEYWORDS, SCHEMA_LIST_KEYWORDS

_SCHEMA_OF_A_SETTING = "SettingsSchemaPart"


class _Generator(GenerateJsonSchema):
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default of null says no more than that the field may be left out."""
        made = super().default_schema(schema)
        if made.get("default", ...) is None:
            del made["default"]
        return made


def manifest_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). It accepts every manifest that `parse_manifest` does; of those it cannot tell apart, some more."""
    schema = Manifest.model_json_schema(by_alias=True, schema_generator=_Generator)
    forms = schema["properties"]["settings"].pop("oneOf")
    schema["properties"]["settings"]["anyOf"] = [next(form for form in forms if form["type"] == "array"), _settings_schema()]
    schema["$defs"][_SCHEMA_OF_A_SETTING] = {"title": "Schema of a setting", "anyOf": [{"type": "boolean"}, _part({})]}
    return {"$schema": DRAFT, **schema}


def manifest_schema_text() -> str:
    """The file `docs/reference/manifest.schema.json`."""
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"


def _settings_schema() -> dict[str, Any]:
    named = {"type": "object", "propertyNames": {"pattern": f"^{KEY_PATTERN}$"}, "additionalProperties": _reference()}
    top = _part({"type": {"const": "object"}, "$schema": {"enum": sorted(DRAFTS)}, "properties": named})
    return {**top, "title": "Settings as a JSON Schema", "required": ["type"]}


def _part(narrower: dict[str, Any]) -> dict[str, Any]:
    """A schema that is written with the known keywords; of those that hold schemas it is known what they hold."""
    known: dict[str, Any] = dict.fromkeys(sorted(ALL_KEYWORDS - {"$schema"}), True)
    known |= {keyword: _reference() for keyword in sorted(SCHEMA_KEYWORDS)}
    known |= {keyword: {"type": "array", "items": _reference()} for keyword in sorted(SCHEMA_LIST_KEYWORDS)}
    known["properties"] = {"type": "object", "additionalProperties": _reference()}
    return {"type": "object", "properties": known | narrower, "patternProperties": {"^x-": True}, "additionalProperties": False}


def _reference() -> dict[str, Any]:
    return {"$ref": f"#/$defs/{_SCHEMA_OF_A_SETTING}"}
