"""The page about manifests names every field, and its examples are valid."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jsonschema_rs import Draft202012Validator

from holdfast.bundles.manifest.json_schema import manifest_schema
from holdfast.bundles.manifest.model import Manifest, parse_manifest
from holdfast.bundles.manifest.settings.keywords import MAX_DEPTH, MAX_LENGTH
from holdfast.world.capabilities import ALWAYS_GRANTED, Capability

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "manifest.md").read_text()
EXAMPLES: list[dict[str, Any]] = [json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE, re.S)]


def test_every_example_is_a_manifest_or_fields_of_one() -> None:
    schema = Draft202012Validator(manifest_schema())
    for example in EXAMPLES:
        fields = EXAMPLES[0] | example
        parse_manifest(json.dumps(fields).encode())
        schema.validate(fields)


def test_every_field_has_an_example() -> None:
    assert {field.alias for field in Manifest.model_fields.values()} == {name for example in EXAMPLES for name in example}


def test_every_field_of_a_part_is_named() -> None:
    for name, part in manifest_schema()["$defs"].items():
        if name != "SettingsSchemaPart":
            assert all(re.search(rf"[`.\"]{re.escape(field)}[`.\"]", PAGE) for field in part["properties"]), name


def test_every_capability_is_named_and_what_is_always_granted_comes_first() -> None:
    named = re.findall(r"`(cap:[a-z.]+)`", PAGE)
    assert {*Capability} <= {*named}
    assert {*named[: len(ALWAYS_GRANTED)]} == ALWAYS_GRANTED


def test_the_limits_of_a_settings_schema_are_what_the_page_says() -> None:
    assert f"of at most {MAX_LENGTH // 1024} KiB and {MAX_DEPTH} levels" in PAGE
