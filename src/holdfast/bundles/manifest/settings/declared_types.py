"""The settings of an install with the types that its manifest declares, for guests. What administrators send is validated elsewhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SHORT_FORM = {"number": "number", "boolean": "boolean"}
"""Types of the short form that are not text, as JSON Schema names them."""
_MAX_NUMBER_LENGTH = 64


def typed_settings(declaration: object, config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with their declared types. `declaration` is the field `settings` of a stored manifest, or None.

    A value that is stored as text, as the existing platform does, is read as its declared type: `"true"` of a boolean is True. Text that
    is no value of that type, and everything that is not text, stays as it is stored.
    """
    types = _types(declaration)
    return {key: _typed(value, types.get(key, frozenset())) if isinstance(value, str) else value for key, value in config.items()}


def _types(declaration: object) -> dict[str, frozenset[str]]:
    """The JSON types by setting. Reads what any version has stored, so nothing in it is taken for granted."""
    if isinstance(declaration, list):
        short = [entry for entry in declaration if isinstance(entry, dict)]
        return {str(entry.get("key")): frozenset({_SHORT_FORM.get(str(entry.get("type")), "string")}) for entry in short}
    properties = declaration.get("properties") if isinstance(declaration, dict) else None
    if not isinstance(properties, dict):
        return {}
    return {key: _names(part.get("type")) for key, part in properties.items() if isinstance(part, dict)}


def _names(given: object) -> frozenset[str]:
    return frozenset(name for name in (given if isinstance(given, list) else [given]) if isinstance(name, str))


def _typed(text: str, types: frozenset[str]) -> Any:
    if not types or "string" in types:
        return text
    if text == "" and "null" in types:
        return None
    try:
        # A long number would take quadratic time, and is no setting.
        value = json.loads(text, parse_constant=_refuse) if _is_short(text) else text
    except (ValueError, RecursionError):
        return text
    return value if types & _kinds(value) else text


def _is_short(text: str) -> bool:
    return len(text) <= _MAX_NUMBER_LENGTH or text.lstrip()[:1] in ("{", "[")


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _kinds(value: object) -> frozenset[str]:
    """The JSON types that a value has: a whole number is an integer, too."""
    match value:
        case bool():
            return frozenset({"boolean"})
        case int():
            return frozenset({"integer", "number"})
        case float():
            return frozenset({"number", "integer"}) if value.is_integer() else frozenset({"number"})
        case dict():
            return frozenset({"object"})
        case list():
            return frozenset({"array"})
    return frozenset()
