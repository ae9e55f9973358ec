"""Settings have a JSON Schema with limits; it is validated with the manifest, and used to validate the values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import meta

from holdfast.bundles.manifest.install_settings import (
    InvalidSettings,
    default_settings,
    secret_setting_keys,
    settings_schema,
    validate_settings,
)
from holdfast.bundles.manifest.model import Manifest, parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "title": "Region", "enum": ["eu", "us"], "default": "eu"},
        "limit": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
        "base": {"type": "string", "format": "uri"},
        "code": {"type": "string", "pattern": "^[A-Z]{2}-[0-9]+$"},
        "tags": {"type": "array", "items": {"type": "string", "maxLength": 5}, "maxItems": 3, "uniqueItems": True},
        "server": {"type": "object", "properties": {"port": {"type": "integer"}}, "required": ["port"], "additionalProperties": False},
        "apiKey": {"type": "string", "writeOnly": True},
    },
    "required": ["region", "apiKey"],
}
SHORT: list[dict[str, Any]] = [
    {"key": "region", "label": "Region", "type": "select", "options": ["eu", "us"], "default": "eu", "required": True},
    {"key": "limit", "type": "number", "description": "How many."},
    {"key": "base", "type": "url"},
    {"key": "loud", "type": "boolean", "default": False},
    {"key": "note"},
    {"key": "apiKey", "type": "secret", "required": True},
]


def read(settings: Any) -> Manifest:
    fields = {"name": "com.example.notes", "version": "1.2.3", "runtime": "wasm-js@1", "displayName": "Notes", "settings": settings}
    return parse_manifest(json.dumps(fields).encode())


def violations(settings: Any, config: dict[str, Any]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidSettings) as error:
        validate_settings(read(settings), config)
    assert error.value.status == 400 and error.value.code == "INVALID_SETTINGS"
    json.dumps(error.value.to_json())
    return [(issue["path"], issue["expected"]) for issue in error.value.details["issues"]]


def test_a_schema_marks_its_secrets_with_both_keywords() -> None:
    found = settings_schema(read(SCHEMA))
    assert found is not None
    assert found["properties"]["apiKey"] == {"type": "string", "writeOnly": True, "format": "password"}
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["properties"]["region"] == SCHEMA["properties"]["region"]
    marked = settings_schema(read({"type": "object", "properties": {"a": {"type": "string", "format": "password"}}}))
    assert marked is not None and marked["properties"]["a"]["writeOnly"] is True


def test_reading_the_schema_does_not_change_the_manifest() -> None:
    manifest = read(SCHEMA)
    settings_schema(manifest)
    assert manifest.settings == SCHEMA == manifest.raw["settings"]


def test_the_short_form_is_equivalent_to_a_schema() -> None:
    found = settings_schema(read(SHORT))
    assert found == {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": {
            "region": {"type": "string", "enum": ["eu", "us"], "title": "Region", "default": "eu"},
            "limit": {"type": "number", "description": "How many."},
            "base": {"type": "string", "format": "uri"},
            "loud": {"type": "boolean", "default": False},
            "note": {"type": "string"},
            "apiKey": {"type": "string", "writeOnly": True, "format": "password"},
        },
        "required": ["region", "apiKey"],
    }
    assert meta.is_valid(found)
    assert settings_schema(read(found)) == found


def test_without_settings_there_is_no_schema() -> None:
    assert settings_schema(read([])) is None
    assert default_settings(read([])) == {}
    assert secret_setting_keys(read([])) == frozenset()
    validate_settings(read([]), {"anything": [1]})


@pytest.mark.parametrize("settings", [SCHEMA, SHORT])
def test_defaults_and_secrets_are_read_from_either_form(settings: Any) -> None:
    manifest = read(settings)
    assert default_settings(manifest) == ({"region": "eu", "limit": 10} if settings is SCHEMA else {"region": "eu", "loud": False})
    assert secret_setting_keys(manifest) == {"apiKey"}
    validate_settings(manifest, default_settings(manifest))


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, [("region", "a value, which is required")]),
        ({"region": "mars"}, [("region", 'one of "eu", "us"')]),
        ({"region": "eu", "limit": 0}, [("limit", "at least 1")]),
        ({"region": "eu", "limit": 1.5}, [("limit", "a whole number")]),
        ({"region": "eu", "limit": True}, [("limit", "a whole number")]),
        ({"region": "eu", "base": "no address"}, [("base", "text of the format uri")]),
        ({"region": "eu", "code": "de-1"}, [("code", "text that matches ^[A-Z]{2}-[0-9]+$")]),
        ({"region": "eu", "tags": ["a", "too long"]}, [("tags[1]", "at most 5 characters")]),
        ({"region": "eu", "tags": ["a", "a"]}, [("tags", "every entry once")]),
        ({"region": "eu", "server": {"port": "x"}}, [("server.port", "a whole number")]),
        ({"region": "eu", "server": {"port": 1, "host": "x"}}, [("server.host", "nothing of this name")]),
        ({"region": "eu", "server": {}}, [("server.port", "a value, which is required")]),
        ({"region": "eu", "apiKey": "k"}, [("apiKey", "no secret here")]),
        ({"region": 1, "limit": "x"}, [("region", 'one of "eu", "us"'), ("limit", "a whole number")]),
    ],
)
def test_an_invalid_setting_is_named_with_what_was_expected(config: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    found = violations(SCHEMA, config)
    assert set(expected) <= set(found)
    assert {path for path, _ in found} == {path for path, _ in expected}


def test_the_error_does_not_contain_the_invalid_value() -> None:
    for config in ({"region": "sw0rdfish"}, {"region": "eu", "apiKey": "sw0rdfish"}, {"region": "eu", "server": "sw0rdfish"}):
        with pytest.raises(InvalidSettings) as error:
            validate_settings(read(SCHEMA), config)
        assert "sw0rdfish" not in json.dumps(error.value.to_json())
    assert str(error.value).startswith("The settings of Notes are invalid: server: expected an object.")


def test_settings_that_are_not_declared_are_allowed_unless_the_schema_forbids_them() -> None:
    validate_settings(read(SCHEMA), {"region": "eu", "other": 1})
    assert violations({**SCHEMA, "additionalProperties": False}, {"region": "eu", "other": 1}) == [("other", "nothing of this name")]


@pytest.mark.parametrize("settings", [[], SCHEMA])
def test_settings_have_limits(settings: Any) -> None:
    deep: Any = 1
    for _ in range(3_000):
        deep = [deep]
    for config in ({"a": deep}, {"a": "x" * 65_536}, {"a": float("nan")}, {"a": "\ud800"}, {"a": {1, 2}}):
        assert violations(settings, config)[0][0] == "$"


def test_alternatives_of_schemas_are_validated_too() -> None:
    either = {"type": "object", "anyOf": [{"required": ["user"]}, {"required": ["team"]}]}
    validate_settings(read(either), {"team": "a"})
    assert violations(either, {}) == [("$", "what anyOf of the settings allows")]
    labelled = {"type": "object", "properties": {"size": {"oneOf": [{"const": "s", "title": "Small"}, {"const": "l", "title": "Large"}]}}}
    assert violations(labelled, {"size": "m"}) == [("size", "what oneOf of the settings allows")]
    draft_7 = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"a": {"const": 1}}}
    assert violations(draft_7, {"a": 2}) == [("a", "1")]


def nested(levels: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def of(part: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": part}}


@pytest.mark.parametrize(
    ("schema", "path"),
    [
        ({}, "settings.type"),
        ({"type": "string"}, "settings.type"),
        ({"type": "object", "$schema": "http://json-schema.org/draft-03/schema#"}, "settings.$schema"),
        (of({"type": "text"}), "settings.properties.a.type"),
        (of({"type": "string", "minLength": "3"}), "settings.properties.a.minLength"),
        (of({"minimun": 3}), "settings.properties.a.minimun"),
        (of(3), "settings.properties.a"),
        ({"type": "object", "properties": []}, "settings.properties"),
        ({"type": "object", "allOf": {}}, "settings.allOf"),
        ({"type": "object", "required": "a"}, "settings.required"),
        ({"type": "object", "properties": {"a b": {}}}, "settings.properties.a b"),
        (of({"$ref": "https://example.com/schema.json"}), "settings.properties.a.$ref"),
        (of({"$ref": "#"}), "settings.properties.a.$ref"),
        (of({"$dynamicRef": "#x"}), "settings.properties.a.$dynamicRef"),
        ({"type": "object", "$defs": {}}, "settings.$defs"),
        (of({"$schema": "https://json-schema.org/draft/2020-12/schema"}), "settings.properties.a.$schema"),
        (of({"type": "string", "pattern": "("}), "settings.properties.a.pattern"),
        (of({"type": "string", "pattern": "(?=a)b"}), "settings.properties.a.pattern"),
        (of({"type": "string", "pattern": r"(\w{1000}){1000}"}), "settings.properties.a.pattern"),
        (of({"type": "integer", "default": "x"}), "settings.properties.a.default"),
        (of({"type": "array", "items": {"type": "integer"}, "default": [1, "x"]}), "settings.properties.a.default[1]"),
        (of({"type": "string", "writeOnly": True, "default": "x"}), "settings.properties.a.default"),
        (of({"type": "integer", "writeOnly": True}), "settings.properties.a.type"),
        (of({"writeOnly": True}), "settings.properties.a.type"),
        (of(of({"type": "string", "format": "password"})), "settings.properties.a.properties.a"),
        (of({"type": "string", "writeOnly": True}) | {"anyOf": [{"required": ["a"]}]}, "settings.anyOf[0].required"),
        (of({"type": "string", "writeOnly": True}) | {"dependentRequired": {"b": ["a"]}}, "settings.dependentRequired"),
        (nested(8), "settings" + ".properties.a" * 8),
        ({"type": "object", "description": "x" * 65_536}, "settings"),
        ({"type": "object", "allOf": [{"pattern": f"{n}"} for n in range(51)]}, "settings.allOf[50].pattern"),
    ],
)
def test_an_invalid_schema_is_an_error_of_the_manifest_with_its_position(schema: dict[str, Any], path: str) -> None:
    with pytest.raises(ManifestError) as error:
        read(schema)
    (issue,) = error.value.details["issues"]
    assert issue["path"] == path
    assert issue["expected"] and issue["message"].startswith("expected ")
    assert issue["line"] == 1 and issue["column"] > 1


def test_a_schema_may_be_nested_and_have_extension_keywords() -> None:
    read(nested(7))
    read({**of({"type": "string", "x-widget": "colour"}), "x-order": ["a"]})


def test_no_pattern_makes_the_validation_slow() -> None:
    settings = of({"type": "string", "pattern": "^(a+)+$"})
    assert violations(settings, {"a": "a" * 60_000 + "!"}) == [("a", "text that matches ^(a+)+$")]


_WORDS = (
    *(
        "type",
        "properties",
        "a",
        "default",
        "enum",
        "items",
        "required",
        "minimum",
        "multipleOf",
        "maxLength",
        "pattern",
        "allOf",
        "format",
    ),
    *("not", "if", "const", "writeOnly", "dependentRequired", "additionalProperties", "uniqueItems", "$schema"),
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=6)
    | st.sampled_from(["object", "string", "integer", "a", "^a", "uri", 10**400, 1e308]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_WORDS),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from(["properties", "required", "allOf", "additionalProperties", "default", "enum", "if"]), _JSON), _JSON)
def test_arbitrary_schemas_and_settings_raise_only_the_documented_errors(schema: dict[str, Any], value: Any) -> None:
    try:
        manifest = read({"type": "object", **schema})
    except ManifestError as error:
        assert all(issue["path"].startswith("settings") for issue in error.details["issues"])
        return
    found = settings_schema(manifest)
    assert found is not None and meta.is_valid(found)
    for config in (value if isinstance(value, dict) else {"a": value}, default_settings(manifest)):
        try:
            validate_settings(manifest, config)
        except InvalidSettings as error:
            json.dumps(error.to_json())
