"""The JSON Schema in the documentation is generated from the model: it rejects what it can, and accepts every valid manifest."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema_rs import Draft202012Validator, meta

from holdfast.bundles.manifest.json_schema import manifest_schema
from holdfast.bundles.manifest.model import parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.world.capabilities import Capability
from tests.bundles.manifest.test_contract import MANIFESTS
from tests.bundles.manifest.test_install_settings import SCHEMA, SHORT
from tests.bundles.manifest.test_model import BASE, INVALID_BEYOND_A_SCHEMA, INVALID_FIELDS

ROOT = Path(__file__).parents[3]
ACCEPTS = Draft202012Validator(manifest_schema())


def read(fields: Any) -> bool:
    try:
        parse_manifest(json.dumps(fields).encode())
    except ManifestError:
        return False
    return True


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Every schema of a field of the manifest's own."""
    yield from schema["properties"].values()
    for name, definition in schema["$defs"].items():
        if name != "SettingsSchemaPart":
            yield from definition["properties"].values()


def test_the_schema_is_a_schema_and_explains_every_field() -> None:
    schema = manifest_schema()
    assert meta.is_valid(schema)
    for part in parts(schema):
        assert part["description"].endswith(".")
    assert schema["properties"]["minHostVersion"]["title"] == "Min host version"


@pytest.mark.parametrize("name", MANIFESTS)
def test_every_manifest_as_it_was_written_is_accepted(name: str) -> None:
    assert list(ACCEPTS.iter_errors(MANIFESTS[name])) == []


@pytest.mark.parametrize("file", sorted(ROOT.glob("examples/*/manifest.json")), ids=lambda file: file.parent.name)
def test_every_example_is_accepted(file: Path) -> None:
    assert list(ACCEPTS.iter_errors(json.loads(file.read_text()))) == []


@pytest.mark.parametrize(("fields", "path"), INVALID_FIELDS)
def test_the_schema_rejects_what_the_parser_rejects(fields: dict[str, Any], path: str) -> None:
    assert not read(BASE | fields)
    assert not ACCEPTS.is_valid(BASE | fields), path


@pytest.mark.parametrize("fields", [{"cron": "x"}, {"name": None}, {"settings": {}}, {"settings": {"type": "object", "$ref": "#"}}])
def test_unknown_missing_and_foreign_fields_are_rejected_too(fields: dict[str, Any]) -> None:
    assert not read(BASE | fields)
    assert not ACCEPTS.is_valid(BASE | fields)
    for name in BASE:
        rest = {key: value for key, value in BASE.items() if key != name}
        assert not ACCEPTS.is_valid(rest)


@pytest.mark.parametrize(("fields", "path"), INVALID_BEYOND_A_SCHEMA)
def test_the_cases_that_a_schema_cannot_reject_are_listed(fields: dict[str, Any], path: str) -> None:
    assert ACCEPTS.is_valid(BASE | fields), f"{path} can be excluded by the schema now: move it to INVALID_FIELDS"


@pytest.mark.parametrize("settings", [SCHEMA, SHORT])
def test_both_forms_of_settings_are_accepted(settings: Any) -> None:
    assert ACCEPTS.is_valid(BASE | {"settings": settings})


_WORDS = (
    *("http.fetch", "log", " CAP:LOG.EMIT\t", "get", "OPTIONS", "Head ", "a/b", "/a/:id", "../a", "a/..", "..", "a..b", "\u00a0", "1.2.3"),
    *("1.2.*", "1.2.3-a.01", "wasm-js@1", "-", "\ufeff", "\u2028", "A.example.com:1", " HTTPS://a.b ", "[::1]", "*.a.b", "x y"),
    *("POST /daily", "/daily", "0 9 * * *", "billing:read", "select", "object", "iframe"),
)
_TEXTS = st.sampled_from([*Capability, *_WORDS])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8) | _TEXTS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["label", "type", "entry", "key", "default", "topic", "handler", "x-a"]) | _TEXTS, inner, max_size=3
        )
    ),
    max_leaves=6,
)
_FROM = [*MANIFESTS.values(), {**BASE, "settings": SCHEMA}, {**BASE, "settings": SHORT}]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value, as its holder and the key or index in it."""
    found: list[tuple[Any, Any]] = []
    for step, inner in list(value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()):
        found += [(value, step), *places(inner)]
    return found


@given(st.sampled_from(_FROM), st.data())
def test_the_schema_accepts_every_changed_manifest_that_the_parser_accepts(manifest: dict[str, Any], data: st.DataObject) -> None:
    changed = copy.deepcopy(manifest)
    for _ in range(data.draw(st.integers(1, 3))):
        holder, step = data.draw(st.sampled_from(places(changed)))
        if data.draw(st.booleans()):
            holder[step] = data.draw(_VALUES)
        elif isinstance(holder, dict):
            del holder[step]
            if not changed:
                return
    if read(changed):
        assert [str(error) for error in ACCEPTS.iter_errors(changed)] == []
