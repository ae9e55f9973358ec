"""The shapes of component-model values as plain data: from the world's Python types, and (in capi) from a compiled component.

Two shapes are equal exactly when the values are interchangeable at the boundary: same kinds, same names, same order.
"""

from __future__ import annotations

import types
import typing
from enum import StrEnum
from functools import cache
from typing import Any

import msgspec

from holdfast.world.functions import Function


class Shape(msgspec.Struct, frozen=True):
    """One value type. Subclasses are the kinds of the component model that extensions use."""


class Primitive(Shape, frozen=True):
    """`name` is bool, char, string, u8…u64, s8…s64, f32 or f64."""

    name: str


class ListOf(Shape, frozen=True):
    element: Shape


class OptionOf(Shape, frozen=True):
    payload: Shape


class TupleOf(Shape, frozen=True):
    elements: tuple[Shape, ...]


class RecordOf(Shape, frozen=True):
    fields: tuple[tuple[str, Shape], ...]


class EnumOf(Shape, frozen=True):
    cases: tuple[str, ...]


class FlagsOf(Shape, frozen=True):
    names: tuple[str, ...]


class VariantOf(Shape, frozen=True):
    cases: tuple[tuple[str, Shape | None], ...]


class ResultOf(Shape, frozen=True):
    ok: Shape | None
    err: Shape | None


class Handle(Shape, frozen=True):
    """A resource handle. Which resource it is, is the linker's business: the host defines every resource an import may carry."""

    owned: bool


class Unsupported(Shape, frozen=True):
    """A type that no function of the world or of the guest's operating system has: futures, streams, error contexts, maps."""

    name: str


class Signature(msgspec.Struct, frozen=True):
    """Parameters by name in order, and the result, None where there is none."""

    params: tuple[tuple[str, Shape], ...]
    result: Shape | None


_PRIMITIVES: dict[Any, str] = {str: "string", bool: "bool", float: "f64"}


def wit_name(python_name: str) -> str:
    """`tenant_id` is `tenant-id` in WIT."""
    return python_name.replace("_", "-")


@cache
def shape_of(annotation: Any) -> Shape:
    """The shape of a type of `holdfast.world.types`. Raises TypeError for an annotation that has no WIT form."""
    if annotation in _PRIMITIVES:
        return Primitive(_PRIMITIVES[annotation])
    if annotation is bytes:
        return ListOf(Primitive("u8"))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return EnumOf(tuple(case.value for case in annotation))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return RecordOf(tuple((wit_name(name), shape_of(hints[name])) for name in annotation.__struct_fields__))
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return Primitive(arguments[1])
    if origin is list:
        return ListOf(shape_of(arguments[0]))
    if origin is tuple:
        return TupleOf(tuple(shape_of(argument) for argument in arguments))
    if origin in (typing.Union, types.UnionType):
        (payload,) = [argument for argument in arguments if argument is not type(None)]
        return OptionOf(shape_of(payload))
    raise TypeError(f"{annotation!r} has no WIT form")


@cache
def signature_of(function: Function) -> Signature:
    """The signature that a component must have for this import."""
    ok = None if function.ok is None else shape_of(function.ok)
    result: Shape | None = ok if function.err is None else ResultOf(ok, shape_of(function.err))
    return Signature(tuple((name, shape_of(annotation)) for name, annotation in function.params), result)


def describe(shape: Shape | None) -> str:
    """The shape in WIT-like words, for error messages."""
    match shape:
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
            raise TypeError(f"unknown shape {shape!r}")


def difference(expected: Signature, actual: Signature) -> str | None:
    """The first place where two signatures differ, in a sentence, or None when they are equal."""
    if len(expected.params) != len(actual.params):
        return f"it takes {len(actual.params)} parameters instead of {len(expected.params)}"
    for (_, wanted), (name, given) in zip(expected.params, actual.params, strict=True):
        if wanted != given:
            return f"parameter `{name}` is {_first_difference(wanted, given)}"
    if expected.result != actual.result:
        return f"its result is {_first_difference(expected.result, actual.result)}"
    return None


def _first_difference(wanted: Shape | None, given: Shape | None) -> str:
    if isinstance(wanted, RecordOf) and isinstance(given, RecordOf):
        for (wanted_name, wanted_field), (given_name, given_field) in zip(wanted.fields, given.fields, strict=False):
            if wanted_name != given_name:
                return f"a record whose field `{given_name}` stands where `{wanted_name}` is expected"
            if wanted_field != given_field:
                return f"a record whose field `{given_name}` is {_first_difference(wanted_field, given_field)}"
        return f"a record of {len(given.fields)} fields instead of {len(wanted.fields)}"
    for kind, attribute in ((ListOf, "element"), (OptionOf, "payload"), (ResultOf, "ok"), (ResultOf, "err")):
        if isinstance(wanted, kind) and isinstance(given, kind) and getattr(wanted, attribute) != getattr(given, attribute):
            inner = _first_difference(getattr(wanted, attribute), getattr(given, attribute))
            return f"{kind.__name__.removesuffix('Of').lower()} of {inner}"
    return f"{describe(given)} instead of {describe(wanted)}"
