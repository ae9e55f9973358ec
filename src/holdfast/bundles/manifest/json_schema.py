"""The JSON Schema of `manifest.json`, for editors: generated from the model, and as strict as a schema can be."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.manifest.settings.keywords import ALL_KEYWORDS, DRAFT, DRAFTS, KEY_PATTERN, SCHEMA_KEYWORDS, SCHEMA_LIST_KEYWORDS

_SETTING_SCHEMA = "SettingsSchemaPart"


class _Generator(GenerateJsonSchema):
    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Omits a default of null, which only means that the field is optional."""
        generated = super().default_schema(schema)
        if generated.get("default", ...) is None:
            del generated["default"]
        return generated


def manifest_schema() -> dict[str, Any]:
    """The schema (draft 2020-12). It accepts every manifest that `parse_manifest` accepts, and some more that a schema cannot exclude."""
    schema = Manifest.model_json_schema(by_alias=True, schema_generator=_Generator)
    forms = schema["properties"]["settings"].pop("oneOf")
    schema["properties"]["settings"]["anyOf"] = [next(form for form in forms if form["type"] == "array"), _settings_schema()]
    schema["$defs"][_SETTING_SCHEMA] = {"title": "Schema of a setting", "anyOf": [{"type": "boolean"}, _part({})]}
    return {"$schema": DRAFT, **schema}


def manifest_schema_text() -> str:
    """The file `docs/reference/manifest.schema.json`."""
    return json.dumps(manifest_schema(), indent=2, ensure_ascii=False) + "\n"


def _settings_schema() -> dict[str, Any]:
    named = {"type": "object", "propertyNames": {"pattern": f"^{KEY_PATTERN}$"}, "additionalProperties": _reference()}
    top = _part({"type": {"const": "object"}, "$schema": {"enum": sorted(DRAFTS)}, "properties": named})
    return {**top, "title": "Settings as a JSON Schema", "required": ["type"]}


def _part(overrides: dict[str, Any]) -> dict[str, Any]:
    """A schema that uses only the supported keywords. `overrides` replaces the schemas of some of them."""
    known: dict[str, Any] = dict.fromkeys(sorted(ALL_KEYWORDS - {"$schema"}), True)
    known |= {keyword: _reference() for keyword in sorted(SCHEMA_KEYWORDS)}
    known |= {keyword: {"type": "array", "items": _reference()} for keyword in sorted(SCHEMA_LIST_KEYWORDS)}
    known["properties"] = {"type": "object", "additionalProperties": _reference()}
    return {"type": "object", "properties": known | overrides, "patternProperties": {"^x-": True}, "additionalProperties": False}


def _reference() -> dict[str, Any]:
    return {"$ref": f"#/$defs/{_SETTING_SCHEMA}"}
