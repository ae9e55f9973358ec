"""The value types of the component model as plain data: from the world's Python types, and (in capi) from a compiled component.

Two of them are equal exactly when their values are interchangeable at the boundary: same kinds, same names, same order.
"""

from __future__ import annotations

import types
import typing
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec

from holdfast.world.functions import Function


class ValueType(msgspec.Struct, frozen=True):
    """One value type. Subclasses are the kinds that extensions use."""


class Primitive(ValueType, frozen=True):
    """`name` is bool, char, string, u8…u64, s8…s64, f32 or f64."""

    name: str


class ListOf(ValueType, frozen=True):
    element: ValueType


class OptionOf(ValueType, frozen=True):
    payload: ValueType


class TupleOf(ValueType, frozen=True):
    elements: tuple[ValueType, ...]


class RecordOf(ValueType, frozen=True):
    fields: tuple[tuple[str, ValueType], ...]


class EnumOf(ValueType, frozen=True):
    cases: tuple[str, ...]


class FlagsOf(ValueType, frozen=True):
    names: tuple[str, ...]


class VariantOf(ValueType, frozen=True):
    cases: tuple[tuple[str, ValueType | None], ...]


class ResultOf(ValueType, frozen=True):
    ok: ValueType | None
    err: ValueType | None


class Handle(ValueType, frozen=True):
    """A resource handle. The linker knows which resource it is; the host defines every resource that an import can pass."""

    owned: bool


class Unsupported(ValueType, frozen=True):
    """A type that no function of the world or of WASI 0.2 uses: futures, streams, error contexts, maps."""

    name: str


class Signature(msgspec.Struct, frozen=True):
    """Parameters by name in order, and the result; None for a function without one."""

    params: tuple[tuple[str, ValueType], ...]
    result: ValueType | None


_PRIMITIVES: dict[Any, str] = {str: "string", bool: "bool", float: "f64"}


def wit_name(python_name: str) -> str:
    """`tenant_id` is `tenant-id` in WIT."""
    return python_name.replace("_", "-")


@cache
def value_type_of(annotation: Any) -> ValueType:
    """The value type of an annotation of `holdfast.world.types`. Raises TypeError for one without a WIT form."""
    if annotation in _PRIMITIVES:
        return Primitive(_PRIMITIVES[annotation])
    if annotation is bytes:
        return ListOf(Primitive("u8"))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return EnumOf(tuple(case.value for case in annotation))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return RecordOf(tuple((wit_name(name), value_type_of(hints[name])) for name in annotation.__struct_fields__))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return Primitive(arguments[1])
    if origin is list:
        return ListOf(value_type_of(arguments[0]))
    if origin is tuple:
        return TupleOf(tuple(value_type_of(argument) for argument in arguments))
    if origin in (typing.Union, types.UnionType):
        (payload,) = [argument for argument in arguments if argument is not type(None)]
        return OptionOf(value_type_of(payload))
    raise TypeError(f"{annotation!r} has no WIT form")


@cache
def signature_of(function: Function) -> Signature:
    """The signature that a component must have for this import."""
    ok = None if function.ok is None else value_type_of(function.ok)
    result: ValueType | None = ok if function.err is None else ResultOf(ok, value_type_of(function.err))
    return Signature(tuple((name, value_type_of(annotation)) for name, annotation in function.params), result)


def describe(value_type: ValueType | None) -> str:
    """The type as WIT would write it, for error messages."""
    match value_type:
        case None:
            return "nothing"
        case Primitive(name=name) | Unsupported(name=name):
            return name
        case ListOf(element=element):
            return f"list<{describe(element)}>"
        case OptionOf(payload=payload):
            return f"option<{describe(payload)}>"
        case TupleOf(elements=elements):
            return f"tuple<{', '.join(map(describe, elements))}>"
        case RecordOf(fields=fields):
            return "record { " + ", ".join(f"{name}: {describe(field)}" for name, field in fields) + " }"
        case EnumOf(cases=cases):
            return "enum { " + ", ".join(cases) + " }"
        case FlagsOf(names=names):
            return "flags { " + ", ".join(names) + " }"
        case VariantOf(cases=variants):
            return "variant { " + ", ".join(n if p is None else f"{n}({describe(p)})" for n, p in variants) + " }"
        case ResultOf(ok=ok, err=err):
            return f"result<{'_' if ok is None else describe(ok)}, {'_' if err is None else describe(err)}>"
        case Handle(owned=owned):
            return "own<…>" if owned else "borrow<…>"
        case _:
            raise TypeError(f"unknown value_type {value_type!r}")


def describe_difference(expected: Signature, actual: Signature) -> str | None:
    """Describes the first difference between two signatures; None when they are equal."""
    if len(expected.params) != len(actual.params):
        return f"it has {len(actual.params)} parameters instead of {len(expected.params)}"
    for (_, expected_type), (name, actual_type) in zip(expected.params, actual.params, strict=True):
        if expected_type != actual_type:
            return f"parameter `{name}` is {_first_difference(expected_type, actual_type)}"
    if expected.result != actual.result:
        return f"its result is {_first_difference(expected.result, actual.result)}"
    return None


def _first_difference(expected: ValueType | None, actual: ValueType | None) -> str:
    if isinstance(expected, RecordOf) and isinstance(actual, RecordOf):
        for (expected_name, expected_field), (actual_name, actual_field) in zip(expected.fields, actual.fields, strict=False):
            if expected_name != actual_name:
                return f"a record with the field `{actual_name}` in place of `{expected_name}`"
            if expected_field != actual_field:
                return f"a record whose field `{actual_name}` is {_first_difference(expected_field, actual_field)}"
        return f"a record of {len(actual.fields)} fields instead of {len(expected.fields)}"
    for kind, attribute in ((ListOf, "element"), (OptionOf, "payload"), (ResultOf, "ok"), (ResultOf, "err")):
        if isinstance(expected, kind) and isinstance(actual, kind) and getattr(expected, attribute) != getattr(actual, attribute):
            inner = _first_difference(getattr(expected, attribute), getattr(actual, attribute))
            return f"{kind.__name__.removesuffix('Of').lower()} of {inner}"
    return f"{describe(actual)} instead of {describe(expected)}"
