"""Validates a settings schema (its keywords, depth and length), and finds what violates one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from jsonschema_rs import Draft202012Validator, RegexOptions, ValidationError, ValidationErrorKind, meta

from holdfast.bundles.manifest.parsing.errors import Expected
from holdfast.bundles.manifest.parsing.positions import Path
from holdfast.bundles.manifest.settings.keywords import (
    ALL_KEYWORDS,
    DRAFT,
    DRAFTS,
    KEY_PATTERN,
    MAX_DEPTH,
    MAX_LENGTH,
    MAX_PATTERNS,
    SCHEMA_KEYWORDS,
    SCHEMA_LIST_KEYWORDS,
    is_secret,
)

_REGEX = RegexOptions(size_limit=250_000, dfa_size_limit=1_000_000)
"""Matching time grows linearly with the text, whatever the pattern; a pattern that needs more memory is rejected."""

_KEY = re.compile(KEY_PATTERN)
_TYPE_NAMES = {
    "string": "text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "array": "a list",
    "object": "an object",
    "null": "null",
}
_BOUNDS = {
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "minimum": "at least {}",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "exclusiveMaximum": "less than {}",
    "multipleOf": "a multiple of {}",
    "pattern": "text that matches {}",
    "format": "text of the format {}",
    "minItems": "at least {} entries",
    "maxItems": "at most {} entries",
    "minProperties": "at least {} fields",
    "maxProperties": "at most {} fields",
}


def validate_schema(schema: dict[str, Any]) -> None:
    """Validates a settings schema: it describes an object, with supported keywords, within the limits. Raises Expected with the place."""
    if len(json.dumps(schema, ensure_ascii=False)) > MAX_LENGTH:
        raise Expected(f"a schema of at most {MAX_LENGTH} characters", found="more")
    if schema.get("type") != "object":
        raise Expected('"object"', at=("type",))
    if schema.get("$schema", DRAFT) not in DRAFTS:
        raise Expected(f'"{DRAFT}"', at=("$schema",))
    patterns = 0
    for path, part in _schemas(schema):
        _check_keywords(path, part)
        patterns += "pattern" in part
        if patterns > MAX_PATTERNS:
            raise Expected(f"at most {MAX_PATTERNS} patterns", at=(*path, "pattern"), found="more")
    try:
        meta.validate({**schema, "$schema": DRAFT})
        _validator(schema)
    except (ValidationError, ValueError) as error:
        raise _invalid_schema(error) from None
    _check_secrets(schema)
    for name in schema.get("properties", {}):
        if not _KEY.fullmatch(name):
            raise Expected("a name of 1 to 128 letters, digits, '_', '.' or '-'", at=("properties", name), found=json.dumps(name))
    for path, part in _schemas(schema):
        if "default" in part and (violations := find_violations(part, part["default"])):
            inner, expected = violations[0]
            raise Expected(expected, at=(*path, "default", *inner))


def find_violations(schema: dict[str, Any], value: Any) -> list[tuple[Path, str]]:
    """Where `value` violates a schema that `validate_schema` accepted: the place and what was expected there; at most 100."""
    found: list[tuple[Path, str]] = []
    for error in _validator(schema).iter_errors(value):
        found += _expectations(schema, error)
        if len(found) >= 100:
            break
    return found[:100]


def _validator(schema: dict[str, Any]) -> Draft202012Validator:
    # The retriever fails, so that no schema can make this process load a file or an address.
    return Draft202012Validator({**schema, "$schema": DRAFT}, validate_formats=True, pattern_options=_REGEX, retriever=_load_nothing)


def _load_nothing(address: str) -> Any:
    raise LookupError(f"{address} is not loaded")


def _schemas(schema: Any, path: Path = (), depth: int = 1) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every schema in `schema`, itself first, with its place. Raises Expected for one that is nested too deeply or not a schema."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise Expected("a schema, which is an object", at=path)
    if depth > MAX_DEPTH:
        raise Expected(f"schemas in at most {MAX_DEPTH} levels", at=path, found="more")
    yield path, schema
    for keyword, inner in schema.items():
        if keyword == "properties":
            if not isinstance(inner, dict):
                raise Expected("an object", at=(*path, keyword))
            for name, part in inner.items():
                yield from _schemas(part, (*path, keyword, name), depth + 1)
        elif keyword in SCHEMA_KEYWORDS:
            yield from _schemas(inner, (*path, keyword), depth + 1)
        elif keyword in SCHEMA_LIST_KEYWORDS:
            if not isinstance(inner, list):
                raise Expected("a list of schemas", at=(*path, keyword))
            for index, part in enumerate(inner):
                yield from _schemas(part, (*path, keyword, index), depth + 1)


def _check_keywords(path: Path, schema: dict[str, Any]) -> None:
    for keyword in schema:
        if keyword not in ALL_KEYWORDS and not keyword.startswith("x-"):
            reason = ", because references are not supported; write the schema out" if keyword.startswith("$") else ""
            raise Expected(f"one of the keywords {', '.join(sorted(ALL_KEYWORDS))}", at=(*path, keyword), found=f"{keyword!r}{reason}")
        if keyword == "$schema" and path:
            raise Expected("$schema at the top of the settings only", at=(*path, keyword))


def _check_secrets(schema: dict[str, Any]) -> None:
    secrets = {key for key, part in schema.get("properties", {}).items() if is_secret(part)}
    for path, part in _schemas(schema):
        if is_secret(part):
            _check_secret(path, part)
        # Secrets are stored and validated apart from the other settings, so no rule can refer to both.
        if path and "properties" not in path and (named := secrets & set(part.get("required", []))):
            raise Expected("no secret in a rule about other settings", at=(*path, "required"), found=", ".join(sorted(named)))
    dependent = schema.get("dependentRequired", {})
    if named := secrets & {*dependent, *(key for keys in dependent.values() for key in keys)}:
        raise Expected("no secret in a rule about other settings", at=("dependentRequired",), found=", ".join(sorted(named)))


def _check_secret(path: Path, part: dict[str, Any]) -> None:
    if len(path) != 2 or path[0] != "properties":
        raise Expected("secrets directly in the properties of the settings only", at=path, found="one elsewhere")
    if part.get("type") != "string":
        raise Expected('"string", for a secret is text', at=(*path, "type"))
    for keyword in ("default", "const", "enum", "examples"):
        if keyword in part:
            raise Expected(f"no {keyword} for a secret, because everyone could read it", at=(*path, keyword), found="one")


def _invalid_schema(error: ValidationError | ValueError) -> Expected:
    if not isinstance(error, ValidationError):
        return Expected("a JSON Schema", found=str(error).splitlines()[0])
    path = tuple(error.instance_path)
    keyword = path[-1] if path else None
    if keyword == "pattern":
        return Expected("a regular expression without look-around and references, and not too large", at=path)
    if keyword == "type" or (len(path) > 1 and path[-2] == "type"):
        return Expected(f"one of {', '.join(_TYPE_NAMES)}", at=path)
    return Expected(f"a JSON Schema, in which {error.message}", at=path)


def _expectations(schema: dict[str, Any], error: ValidationError) -> list[tuple[Path, str]]:
    path = tuple(error.instance_path)
    kind = error.kind
    if isinstance(kind, ValidationErrorKind.Required):
        return [((*path, kind.property), "a value, which is required")]
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        return [((*path, name), "nothing of this name") for name in kind.unexpected]
    keyword = next((step for step in reversed(error.schema_path) if isinstance(step, str)), "")
    rule: Any = schema
    for step in error.schema_path:
        rule = rule.get(step) if isinstance(rule, dict) else rule[step] if isinstance(rule, list) and isinstance(step, int) else None
    if keyword == "type":
        return [(path, " or ".join(_TYPE_NAMES[name] for name in ([rule] if isinstance(rule, str) else rule)))]
    if keyword in _BOUNDS:
        return [(path, _BOUNDS[keyword].format(rule))]
    if keyword == "enum" and isinstance(rule, list):
        return [(path, f"one of {', '.join(json.dumps(choice, ensure_ascii=False) for choice in rule)}")]
    if keyword == "const":
        return [(path, json.dumps(rule, ensure_ascii=False))]
    if keyword == "uniqueItems":
        return [(path, "every entry once")]
    return [(path, f"what {keyword or 'the schema'} of the settings allows")]
