"""The settings of an install: their JSON Schema, their defaults, and the validation of the values."""

from __future__ import annotations

import copy
import json
from typing import Any

from holdfast.bundles.manifest.model import Manifest
from holdfast.bundles.manifest.parsing.errors import Issue, make_issue
from holdfast.bundles.manifest.settings.declaration import short_form_schema
from holdfast.bundles.manifest.settings.keywords import DRAFT, is_secret
from holdfast.errors import HoldfastError

MAX_SETTINGS_BYTES = 65_536
MAX_SETTINGS_DEPTH = 16


class InvalidSettings(HoldfastError):
    """Raised for invalid settings; `details["issues"]` is a list of `{path, message, expected}`."""

    code = "INVALID_SETTINGS"
    status = 400

    def __init__(self, title: str, issues: list[Issue]) -> None:
        more = f" ({len(issues) - 1} more)" if len(issues) > 1 else ""
        first = issues[0]
        where = "" if first["path"] == "$" else f"{first['path']}: "
        super().__init__(
            f"The settings of {title} are invalid: {where}{first['message']}.{more}",
            hint="Correct the settings and try again.",
            details={"issues": issues},
        )


def settings_schema(manifest: Manifest) -> dict[str, Any] | None:
    """The JSON Schema (draft 2020-12, an object) of the settings; None when the extension has none.

    Secrets are the properties with `"writeOnly": true` and `"format": "password"`; they are stored apart from the other settings.
    """
    if not manifest.settings:
        return None
    if isinstance(manifest.settings, list):
        return {"$schema": DRAFT, **short_form_schema(manifest.settings)}
    schema = {**copy.deepcopy(manifest.settings), "$schema": DRAFT}
    for part in schema.get("properties", {}).values():
        if is_secret(part):
            part |= {"writeOnly": True, "format": "password"}
    return schema


def secret_setting_keys(manifest: Manifest) -> frozenset[str]:
    """The keys of the settings that are secrets."""
    properties = (settings_schema(manifest) or {}).get("properties", {})
    return frozenset(key for key, part in properties.items() if is_secret(part))


def required_secrets(manifest: Manifest) -> list[str]:
    """The names of the secrets that the extension requires, sorted."""
    return sorted(secret_setting_keys(manifest) & set((settings_schema(manifest) or {}).get("required", [])))


def unset_settings(manifest: Manifest, config: dict[str, Any]) -> list[str]:
    """The names of the settings that the extension requires and `config` has no value for, sorted. Secrets are not among them."""
    required = set((settings_schema(manifest) or {}).get("required", [])) - secret_setting_keys(manifest)
    return sorted(key for key in required if config.get(key) in (None, ""))


def default_settings(manifest: Manifest) -> dict[str, Any]:
    """The values until others are filled in: the defaults at the top level. Secrets have none."""
    properties = (settings_schema(manifest) or {}).get("properties", {})
    return {key: part["default"] for key, part in properties.items() if isinstance(part, dict) and "default" in part}


def validate_settings(manifest: Manifest, config: dict[str, Any]) -> None:
    """Validates `config`, all settings of an install except its secrets. Raises InvalidSettings.

    Undeclared settings are allowed unless the schema has `"additionalProperties": false`. A secret is rejected, because these settings are
    not encrypted. Settings are JSON of at most 64 KiB and 16 levels.
    """
    title = manifest.title
    if _depth(config) > MAX_SETTINGS_DEPTH:
        raise InvalidSettings(title, [make_issue((), "they are nested too deeply", expected=f"at most {MAX_SETTINGS_DEPTH} levels")])
    try:
        size = len(json.dumps(config, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError):
        raise InvalidSettings(title, [make_issue((), "the settings are not JSON", expected="JSON")]) from None
    if size > MAX_SETTINGS_BYTES:
        raise InvalidSettings(title, [make_issue((), f"the settings have {size} bytes", expected=f"at most {MAX_SETTINGS_BYTES} bytes")])
    schema = settings_schema(manifest)
    if schema is None:
        return
    secrets = secret_setting_keys(manifest)
    misplaced = [
        make_issue((key,), "this setting is a secret; store it with `holdfast secrets set`", expected="no secret here")
        for key in sorted(secrets & config.keys())
    ]
    if misplaced:
        raise InvalidSettings(title, misplaced)
    # Imported here because the validator is a library of several megabytes, and most extensions have no settings.
    from holdfast.bundles.manifest.settings.schema_check import find_violations

    violations = find_violations(_without(schema, secrets), config)
    if violations:
        raise InvalidSettings(title, [make_issue(path, f"expected {expected}", expected=expected) for path, expected in violations])


def _without(schema: dict[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """The schema of the settings that are not secrets."""
    if not secrets:
        return schema
    # The schema `false` matches nothing, so a secret among these settings is an error whatever the rest allows.
    properties = {key: False if key in secrets else part for key, part in schema["properties"].items()}
    return {**schema, "properties": properties, "required": [key for key in schema.get("required", []) if key not in secrets]}


def _depth(config: dict[str, Any]) -> int:
    """How deep objects and lists are nested; stops as soon as the limit is exceeded."""
    depth = 0
    level: list[Any] = [config]
    while level and depth <= MAX_SETTINGS_DEPTH:
        depth += 1
        inner = [part for holder in level for part in (holder.values() if isinstance(holder, dict) else holder)]
        level = [part for part in inner if isinstance(part, (dict, list))]
    return depth
