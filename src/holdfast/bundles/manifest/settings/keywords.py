"""The JSON Schema keywords that a settings schema may use, and the limits of such a schema."""

from __future__ import annotations

from typing import Any

DRAFT = "https://json-schema.org/draft/2020-12/schema"
DRAFTS = frozenset({DRAFT, "http://json-schema.org/draft-07/schema#"})
"""The supported values of `$schema`. The keywords below mean the same in both."""

MAX_LENGTH = 65_536
MAX_DEPTH = 8
MAX_PATTERNS = 50
KEY_PATTERN = r"[a-zA-Z0-9_.-]{1,128}"

SCHEMA_KEYWORDS = frozenset({"items", "additionalProperties", "not", "if", "then", "else"})
SCHEMA_LIST_KEYWORDS = frozenset({"oneOf", "anyOf", "allOf"})
_ANNOTATIONS = {"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format"}
_VALUES = {"type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
_SIZES = {"minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"}
ALL_KEYWORDS = frozenset(
    {"properties", "required", "dependentRequired"} | SCHEMA_KEYWORDS | SCHEMA_LIST_KEYWORDS | _ANNOTATIONS | _VALUES | _SIZES
)
"""`$ref` is not supported, so evaluating a schema always ends and never loads another document."""


def is_secret(schema: Any) -> bool:
    """Whether a schema describes a secret. Secrets are stored encrypted and apart from the other settings."""
    return isinstance(schema, dict) and (schema.get("writeOnly") is True or schema.get("format") == "password")
