"""Structs of the registry as JSON of the REST: the same fields, named in camelCase."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import fields


def camel(value: Any) -> Any:
    """The value with the names of structs' fields in camelCase, at every depth. Keys of dictionaries, which are data, stay."""
    if isinstance(value, Struct):
        return {camel_name(field.name): camel(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, list | tuple | set | frozenset):
        return [camel(item) for item in value]
    if isinstance(value, dict):
        return {key: camel(item) for key, item in value.items()}
    return value


def camel_name(name: str) -> str:
    """`content_hash` as `contentHash`."""
    first, *others = name.split("_")
    return first + "".join(part.capitalize() for part in others)
