"""The server's JSON as the structs of the registry: its fields are named in camelCase, theirs in snake_case."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from holdfast.client.connection import ServerUnusable
from holdfast.gateway.api.camel_case import camel_name

T = TypeVar("T")


def read_shape(kind: type[T], told: Any, *path: str) -> T:
    """The part of an answer at `path` as a `kind`. Keys of dictionaries, which are data, stay as they are.

    Raises ServerUnusable when it is not of that shape.
    """
    try:
        for name in path:
            told = told[name]
        return msgspec.convert(_renamed(told, inspect.type_info(kind)), kind)
    except (KeyError, TypeError, msgspec.ValidationError):
        raise ServerUnusable("The server's answer is not of the form that is known here.", hint="It may be of another version.") from None


def _renamed(value: Any, kind: inspect.Type) -> Any:
    """The value with the fields of structs named as these name them, at every depth."""
    if isinstance(kind, inspect.UnionType):
        structs = [one for one in kind.types if isinstance(one, inspect.StructType | inspect.ListType)]
        return _renamed(value, structs[0]) if structs and value is not None else value
    if isinstance(kind, inspect.ListType) and isinstance(value, list):
        return [_renamed(item, kind.item_type) for item in value]
    if isinstance(kind, inspect.StructType) and isinstance(value, dict):
        fields = {field.name: (camel_name(field.name), field.type) for field in kind.fields}
        return {name: _renamed(value[sent], inner) for name, (sent, inner) in fields.items() if sent in value}
    return value
