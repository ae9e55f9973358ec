"""Settings that are stored as text reach guests with the types that the manifest declares."""

from __future__ import annotations

from typing import Any

import pytest

from holdfast.bundles.manifest.settings.declared_types import typed_settings


def declared(*types: str) -> dict[str, Any]:
    return {"type": "object", "properties": {"x": {"type": list(types) if len(types) > 1 else types[0]}}}


@pytest.mark.parametrize(
    ("schema", "stored", "seen"),
    [
        (declared("boolean"), "true", True),
        (declared("boolean"), "false", False),
        (declared("boolean"), "yes", "yes"),
        (declared("boolean"), "1", "1"),
        (declared("integer"), "25", 25),
        (declared("integer"), "2.5", "2.5"),
        (declared("number"), "2.5", 2.5),
        (declared("number"), "NaN", "NaN"),
        (declared("number"), "true", "true"),
        (declared("number"), "9" * 5_000, "9" * 5_000),
        (declared("object"), '{"a":[1]}', {"a": [1]}),
        (declared("object"), "[1]", "[1]"),
        (declared("array"), "[1]", [1]),
        (declared("array"), "[" * 50_000, "[" * 50_000),
        (declared("string"), "25", "25"),
        (declared("string", "number"), "25", "25"),
        (declared("number", "null"), "", None),
        (declared("number", "boolean"), "true", True),
        ({"properties": {"y": {"type": "number"}}}, "25", "25"),
        ([{"key": "x", "type": "number"}], "25", 25),
        ([{"key": "x", "type": "boolean"}], "false", False),
        ([{"key": "x", "type": "select", "options": ["1"]}], "1", "1"),
        ([{"key": "x"}], "1", "1"),
        (None, "1", "1"),
    ],
)
def test_text_is_read_as_the_declared_type(schema: object, stored: str, seen: object) -> None:
    found = typed_settings(schema, {"x": stored})["x"]
    assert (type(found), found) == (type(seen), seen)


@pytest.mark.parametrize("value", [True, 0, 1.5, None, {"a": 1}, [1]])
def test_a_value_that_has_a_type_keeps_it(value: object) -> None:
    assert typed_settings(declared("string"), {"x": value})["x"] is value


@pytest.mark.parametrize(
    "declaration", ["x", 5, [3, "x"], {"properties": 3}, {"properties": {"x": True}}, {"properties": {"x": {"type": [3]}}}]
)
def test_a_malformed_declaration_changes_nothing(declaration: object) -> None:
    assert typed_settings(declaration, {"x": "1"}) == {"x": "1"}
