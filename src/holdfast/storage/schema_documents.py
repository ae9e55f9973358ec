"""The JSON Schemas that values of a namespace have to satisfy: which documents are accepted, and what a value violates.

Draft 2020-12, without references: so evaluating a schema ends, loads nothing, and looks at each part of a value at most once for each part
of the schema. Patterns match in time that is linear in the text.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from holdfast.storage.errors import StorageError

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator, ValidationError

DRAFT = "https://json-schema.org/draft/2020-12/schema"
MAX_BYTES = 32_768
MAX_DEPTH = 16
MAX_PARTS = 300
"""Schemas and listed values of one document. With a value of 64 KiB, so many take half a second."""
MAX_ERRORS = 20

_ALL_ERRORS_WORK = 50_000
"""Parts of the schema times bytes of the value, up to which all errors are collected: they cost far more than the first one."""
_MESSAGE_LENGTH = 300

_ONE = frozenset({"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"dependentSchemas", "patternProperties", "properties"})
_VALUES = frozenset(
    {
        *("const", "dependentRequired", "enum", "exclusiveMaximum", "exclusiveMinimum", "format", "maxContains", "maxItems", "maxLength"),
        *("maxProperties", "maximum", "minContains", "minItems", "minLength", "minProperties", "minimum", "multipleOf", "pattern"),
        *("required", "type", "uniqueItems"),
    }
)
_ANNOTATIONS = frozenset({"$comment", "$schema", "default", "deprecated", "description", "examples", "readOnly", "title", "writeOnly"})
KEYWORDS = _ONE | _LISTS | _MAPS | _VALUES | _ANNOTATIONS
"""What a document may use, and anything that begins with `x-`."""


class Violation(Struct, frozen=True, rename="camel"):
    """One error: where in the value (a JSON Pointer, RFC 6901), which keyword of the schema, and what is wrong."""

    instance_path: str
    keyword: str
    message: str


class CompiledSchema:
    """A document that `check_document` accepted, ready to validate values."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._parts = sum(1 for _ in _parts(document))
        self._validator = _compile(document)

    def violations(self, value: Any, size: int) -> list[Violation]:
        """What the value violates, at most 20 errors; none when it is valid. `size` is its length as JSON."""
        from jsonschema_rs import ValidationError

        if self._validator.is_valid(value):
            return []
        if self._parts * size <= _ALL_ERRORS_WORK:
            return [_violation(error) for error in islice(self._validator.iter_errors(value), MAX_ERRORS)]
        try:
            self._validator.validate(value)
        except ValidationError as error:
            return [_violation(error)]
        return []


def check_document(document: Any) -> None:
    """Raises StorageError: `LIMIT_EXCEEDED` for a document that is too large, `VALIDATION_FAILED` for one that is no usable schema."""
    from jsonschema_rs import ValidationError, meta

    if not isinstance(document, dict):
        raise _invalid("it is not an object")
    size = len(msgspec.json.encode(document))
    if size > MAX_BYTES:
        raise StorageError("LIMIT_EXCEEDED", f"A schema has at most {MAX_BYTES} bytes.", details={"limit": MAX_BYTES, "attempted": size})
    if document.get("$schema", DRAFT) != DRAFT:
        raise _invalid(f"$schema is not {DRAFT}")
    parts = sum(1 for _ in _parts(document))
    if parts > MAX_PARTS:
        raise StorageError(
            "LIMIT_EXCEEDED",
            f"A schema has at most {MAX_PARTS} parts: schemas in it, and values that it lists.",
            details={"limit": MAX_PARTS, "attempted": parts},
        )
    try:
        meta.validate({**document, "$schema": DRAFT})
        _compile(document)
    except ValidationError as error:
        place = _pointer(error.instance_path)
        raise _invalid(f"at {place or '/'}: {_shorten(error.message)}") from None
    except ValueError as error:
        raise _invalid(_shorten(str(error))) from None


def _parts(schema: Any, depth: int = 1) -> Iterator[None]:
    """One for each schema and each listed value. Raises StorageError for keywords that are not supported, and for too many levels."""
    yield None
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise _invalid("a schema in it is neither an object nor true or false")
    if depth > MAX_DEPTH:
        raise _invalid(f"it has more than {MAX_DEPTH} levels")
    for keyword, inner in schema.items():
        if keyword in _ONE:
            yield from _parts(inner, depth + 1)
        elif keyword in _LISTS and isinstance(inner, list):
            for part in inner:
                yield from _parts(part, depth + 1)
        elif keyword in _MAPS and isinstance(inner, dict):
            for part in inner.values():
                yield from _parts(part, depth + 1)
        elif keyword in ("enum", "required") and isinstance(inner, list):
            yield from (None for _ in inner)
        elif keyword == "dependentRequired" and isinstance(inner, dict):
            yield from (None for names in inner.values() if isinstance(names, list) for _ in names)
        elif keyword not in KEYWORDS and not keyword.startswith("x-"):
            why = "references are not supported; write the schema out" if keyword.startswith("$") else "it is not supported"
            raise _invalid(f"it has the keyword {_shorten(keyword)!r}: {why}")


def _compile(document: dict[str, Any]) -> Draft202012Validator:
    from jsonschema_rs import Draft202012Validator, RegexOptions  # when there is a schema: most installs have none

    # Matching is linear in the text; a pattern that needs more memory is refused. The retriever makes sure that nothing is ever loaded.
    patterns = RegexOptions(size_limit=250_000, dfa_size_limit=1_000_000)
    return Draft202012Validator({**document, "$schema": DRAFT}, validate_formats=True, pattern_options=patterns, retriever=_load_nothing)


def _load_nothing(address: str) -> Any:
    raise LookupError(f"{address} is not loaded")


def _violation(error: ValidationError) -> Violation:
    keyword = next((step for step in reversed(error.schema_path) if isinstance(step, str)), "")
    return Violation(_pointer(error.instance_path), keyword, _shorten(error.message))


def _pointer(path: list[str | int]) -> str:
    return _shorten("".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path))


def _shorten(text: str) -> str:
    return text if len(text) <= _MESSAGE_LENGTH else text[: _MESSAGE_LENGTH - 1] + "…"


def _invalid(reason: str) -> StorageError:
    return StorageError(
        "VALIDATION_FAILED",
        f"The schema cannot be used: {reason}.",
        hint="Write a JSON Schema (draft 2020-12) without references.",
    )
