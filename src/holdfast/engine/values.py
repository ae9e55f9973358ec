"""Values to and from C memory: `wasmtime_component_val_t`, 32 bytes, kind at offset 0, payload at offset 8.

Converters are compiled once per type, never per call. Lowering builds a value in memory owned by Python (an Arena): the arguments of
a call are only borrowed by Wasmtime, and the result of a host function is cloned from the arena in one C call, so nothing is ever
freed by hand. Lifting copies out of memory that Wasmtime owns.

Python forms: bytes for list<u8>, list, tuple, None or the value for option, the case's text for enums (a StrEnum where the type names
one), `Ok`/`Err` for result, `(case, payload)` for variant, frozenset of names for flags, an int for a resource handle.
"""

from __future__ import annotations

import ctypes
import struct
import typing
from collections.abc import Callable
from enum import StrEnum
from operator import attrgetter
from typing import Any

import msgspec

from holdfast.engine import shapes as s
from holdfast.engine.outcome import LimitReached


class Ok(msgspec.Struct, frozen=True):
    """The ok case of a result; `value` is None where the case carries nothing."""

    value: Any = None


class Err(msgspec.Struct, frozen=True):
    """The error case of a result."""

    value: Any = None


BOOL, S8, U8, S16, U16, S32, U32, S64, U64, F32, F64, CHAR, STRING, LIST, RECORD, TUPLE, VARIANT, ENUM, OPTION, RESULT, FLAGS, RESOURCE = (
    range(22)
)
LIST_ITEMS = 10_000
"""Most items of a list that leaves a guest, but for bytes: making objects of a million items would hold the loop for seconds."""

VALUE_BYTES = 32
_ENTRY_BYTES = 48  # of a record: name length, name pointer, value
_NAME_BYTES = 16  # length, pointer

_two = struct.Struct("<QQ")
_four = struct.Struct("<QQQQ")
_pack, _unpack_two = _four.pack, _two.unpack_from
_string_at = ctypes.string_at

BYTES_HEADER = bytes.__basicsize__ - 1
"""Offset of a bytes object's data from its address in CPython. `capi.prove()` checks it before anything relies on it."""

_PRIMITIVE: dict[str, tuple[int, struct.Struct]] = {
    "bool": (BOOL, struct.Struct("<?")),
    "s8": (S8, struct.Struct("<b")),
    "u8": (U8, struct.Struct("<B")),
    "s16": (S16, struct.Struct("<h")),
    "u16": (U16, struct.Struct("<H")),
    "s32": (S32, struct.Struct("<i")),
    "u32": (U32, struct.Struct("<I")),
    "s64": (S64, struct.Struct("<q")),
    "u64": (U64, struct.Struct("<Q")),
    "f32": (F32, struct.Struct("<f")),
    "f64": (F64, struct.Struct("<d")),
}


class Handles(typing.Protocol):
    """Turns resource handles of one call into numbers and back; capi.py implements it over the store of the call."""

    def number(self, resource: int) -> int:
        """The number behind the `wasmtime_component_resource_any_t` at this address. Only valid inside the callback that received it."""

    def own(self, number: int) -> int:
        """The address of a new owned `wasmtime_component_resource_any_t` for this number, freed when the call's arena is."""


class Arena(list[bytes]):
    """Memory of the values of one conversion: a list that keeps alive what the 32-byte values point to."""

    __slots__ = ("handles",)

    def __init__(self, handles: Handles | None = None) -> None:
        super().__init__()
        self.handles = handles

    def address(self, data: bytes) -> int:
        """The address of the bytes, which live as long as the arena."""
        self.append(data)
        return id(data) + BYTES_HEADER


Lower = Callable[[Any, Arena], bytes]
Lift = Callable[[bytes, int, Handles | None], Any]


def static_name(name: str) -> tuple[int, int]:
    """Length and address of a name in UTF-8 that lives as long as the process: of a field, a case, a flag."""
    data = _STATIC.setdefault(name, name.encode())
    return len(data), id(data) + BYTES_HEADER


_STATIC: dict[str, bytes] = {}


# ---- Python to C -------------------------------------------------------------------------------------------------------------


def lowerer(shape: s.Shape) -> Lower:
    """Compiles the function that turns a Python value of this shape into its 32 bytes.

    The function raises TypeError, ValueError, struct.error or AttributeError for a value that is not of the shape.
    """
    match shape:
        case s.Primitive(name="string"):
            return _lower_string
        case s.Primitive(name="char"):
            return lambda value, arena: _pack(CHAR, ord(value), 0, 0)
        case s.Primitive(name=name):
            kind, form = _PRIMITIVE[name]
            whole = struct.Struct(f"<Q{form.format[1:]}{24 - form.size}x")
            return lambda value, arena: whole.pack(kind, value)
        case s.ListOf(element=s.Primitive(name="u8")):
            return _lower_bytes
        case s.ListOf(element=element):
            return _lower_list(lowerer(element))
        case s.OptionOf(payload=payload):
            return _lower_option(lowerer(payload))
        case s.TupleOf(elements=elements):
            return _lower_tuple([lowerer(element) for element in elements])
        case s.RecordOf(fields=fields):
            return _lower_record(fields)
        case s.EnumOf(cases=cases):
            packed = {case: _pack(ENUM, *static_name(case), 0) for case in cases}
            return lambda value, arena: packed[value]
        case s.FlagsOf(names=names):
            return _lower_flags(names)
        case s.VariantOf(cases=variants):
            return _lower_variant(variants)
        case s.ResultOf(ok=ok, err=err):
            return _lower_result(_lowerer_if(ok), _lowerer_if(err))
        case s.Handle():
            return _lower_handle
        case _:
            raise TypeError(f"values of type {s.describe(shape)} cannot cross the boundary")


def _lowerer_if(shape: s.Shape | None) -> Lower | None:
    return None if shape is None else lowerer(shape)


def _lower_string(value: Any, arena: Arena) -> bytes:
    raw = value.encode()
    arena.append(raw)
    return _pack(STRING, len(raw), id(raw) + BYTES_HEADER, 0)


def _lower_bytes(value: Any, arena: Arena) -> bytes:
    count = len(value)
    values = bytearray(VALUE_BYTES * count)
    # Strided slices write a whole column at once; a loop over the bytes takes 400 times as long.
    values[0::VALUE_BYTES] = _U8_KIND * count
    values[8::VALUE_BYTES] = value
    return _pack(LIST, count, arena.address(bytes(values)), 0)


_U8_KIND = bytes([U8])


def _lower_list(element: Lower) -> Lower:
    def lower(value: Any, arena: Arena) -> bytes:
        raw = b"".join([element(item, arena) for item in value])
        return _pack(LIST, len(raw) // VALUE_BYTES, arena.address(raw), 0)

    return lower


def _lower_option(payload: Lower) -> Lower:
    none = _pack(OPTION, 0, 0, 0)

    def lower(value: Any, arena: Arena) -> bytes:
        if value is None:
            return none
        raw = payload(value, arena)
        arena.append(raw)
        return _pack(OPTION, id(raw) + BYTES_HEADER, 0, 0)

    return lower


def _lower_tuple(elements: list[Lower]) -> Lower:
    def lower(value: Any, arena: Arena) -> bytes:
        raw = b"".join([element(item, arena) for element, item in zip(elements, value, strict=True)])
        return _pack(TUPLE, len(elements), arena.address(raw), 0)

    return lower


def _lower_record(fields: tuple[tuple[str, s.Shape], ...]) -> Lower:
    attributes = attrgetter(*[name.replace("-", "_") for name, _ in fields])
    names = [_two.pack(*static_name(name)) for name, _ in fields]
    lowers = [lowerer(shape) for _, shape in fields]
    count = len(fields)

    def lower(value: Any, arena: Arena) -> bytes:
        if isinstance(value, tuple):
            items = value
            if len(items) != count:
                raise ValueError(f"a record of {count} fields, not of {len(items)}")
        else:
            items = attributes(value) if count > 1 else (attributes(value),)
        parts: list[bytes] = []
        for name, field, item in zip(names, lowers, items, strict=True):
            parts.append(name)
            parts.append(field(item, arena))
        raw = b"".join(parts)
        arena.append(raw)
        return _pack(RECORD, count, id(raw) + BYTES_HEADER, 0)

    return lower


def _lower_flags(names: tuple[str, ...]) -> Lower:
    packed = {name: _two.pack(*static_name(name)) for name in names}

    def lower(value: Any, arena: Arena) -> bytes:
        raw = b"".join([packed[name] for name in value])
        return _pack(FLAGS, len(value), arena.address(raw), 0)

    return lower


def _lower_variant(variants: tuple[tuple[str, s.Shape | None], ...]) -> Lower:
    cases = {name: (static_name(name), _lowerer_if(shape)) for name, shape in variants}

    def lower(value: Any, arena: Arena) -> bytes:
        name, payload = value
        label, lower_payload = cases[name]
        return _pack(VARIANT, *label, 0 if lower_payload is None else arena.address(lower_payload(payload, arena)))

    return lower


def _lower_result(ok: Lower | None, err: Lower | None) -> Lower:
    def lower(value: Any, arena: Arena) -> bytes:
        if isinstance(value, Ok):
            return _pack(RESULT, 1, 0 if ok is None else arena.address(ok(value.value, arena)), 0)
        if isinstance(value, Err):
            return _pack(RESULT, 0, 0 if err is None else arena.address(err(value.value, arena)), 0)
        raise TypeError(f"a result is Ok or Err, not {type(value).__name__}")

    return lower


def _lower_handle(value: Any, arena: Arena) -> bytes:
    assert arena.handles is not None, "resources cross only inside a call"
    return _pack(RESOURCE, arena.handles.own(value), 0, 0)


# ---- C to Python -------------------------------------------------------------------------------------------------------------


def lifter(shape: s.Shape, annotation: Any = None) -> Lift:
    """Compiles the function that reads a value of this shape at an offset of a buffer.

    `annotation` is the world type the value becomes (a Struct, a StrEnum, or a container of them); without it records become tuples.
    """
    match shape:
        case s.Primitive(name="string"):
            return _lift_string
        case s.Primitive(name="char"):
            return lambda raw, at, handles: chr(_unpack_two(raw, at)[1] & 0xFFFFFFFF)
        case s.Primitive(name=name):
            unpack = _PRIMITIVE[name][1].unpack_from
            return lambda raw, at, handles: unpack(raw, at + 8)[0]
        case s.ListOf(element=s.Primitive(name="u8")):
            return _lift_bytes
        case s.ListOf(element=element):
            return _lift_list(lifter(element, _argument(annotation, 0)))
        case s.OptionOf(payload=payload):
            return _lift_option(lifter(payload, _payload(annotation)))
        case s.TupleOf(elements=elements):
            return _lift_tuple([lifter(element, _argument(annotation, i)) for i, element in enumerate(elements)])
        case s.RecordOf(fields=fields):
            return _lift_record(fields, annotation)
        case s.EnumOf():
            return _lift_enum(annotation)
        case s.FlagsOf():
            return _lift_flags
        case s.VariantOf(cases=variants):
            return _lift_variant(variants)
        case s.ResultOf(ok=ok, err=err):
            return _lift_result(_lifter_if(ok), _lifter_if(err))
        case s.Handle():
            return _lift_handle
        case _:
            raise TypeError(f"values of type {s.describe(shape)} cannot cross the boundary")


def _lifter_if(shape: s.Shape | None) -> Lift | None:
    return None if shape is None else lifter(shape)


def _argument(annotation: Any, index: int) -> Any:
    arguments = typing.get_args(annotation)
    return arguments[index] if arguments else None


def _payload(annotation: Any) -> Any:
    present = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
    return present[0] if present else None


def _lift_string(raw: bytes, at: int, handles: Handles | None) -> Any:
    length, pointer = _unpack_two(raw, at + 8)
    return _string_at(pointer, length).decode() if length else ""


def _lift_bytes(raw: bytes, at: int, handles: Handles | None) -> Any:
    count, pointer = _unpack_two(raw, at + 8)
    return _string_at(pointer, VALUE_BYTES * count)[8::VALUE_BYTES] if count else b""


def _lift_list(element: Lift) -> Lift:
    def lift(raw: bytes, at: int, handles: Handles | None) -> Any:
        count, pointer = _unpack_two(raw, at + 8)
        if not count:
            return []
        if count > LIST_ITEMS:
            raise LimitReached(f"a list of {count} items left the guest; the limit is {LIST_ITEMS}")
        items = _string_at(pointer, VALUE_BYTES * count)
        return [element(items, offset, handles) for offset in range(0, VALUE_BYTES * count, VALUE_BYTES)]

    return lift


def _lift_option(payload: Lift) -> Lift:
    def lift(raw: bytes, at: int, handles: Handles | None) -> Any:
        pointer = _unpack_two(raw, at + 8)[0]
        return payload(_string_at(pointer, VALUE_BYTES), 0, handles) if pointer else None

    return lift


def _lift_tuple(elements: list[Lift]) -> Lift:
    size = VALUE_BYTES * len(elements)

    def lift(raw: bytes, at: int, handles: Handles | None) -> Any:
        items = _string_at(_unpack_two(raw, at + 8)[1], size) if size else b""
        return tuple([element(items, VALUE_BYTES * i, handles) for i, element in enumerate(elements)])

    return lift


def _lift_record(fields: tuple[tuple[str, s.Shape], ...], annotation: Any) -> Lift:
    build: Callable[..., Any]
    hints: dict[str, Any]
    if annotation is None:
        build, hints = (lambda *values: values), {}
    else:
        build, hints = annotation, typing.get_type_hints(annotation, include_extras=True)
    parts = [(lifter(shape, hints.get(name.replace("-", "_"))), _ENTRY_BYTES * i + _NAME_BYTES) for i, (name, shape) in enumerate(fields)]
    size = _ENTRY_BYTES * len(parts)

    def lift(raw: bytes, at: int, handles: Handles | None) -> Any:
        entries = _string_at(_unpack_two(raw, at + 8)[1], size)
        return build(*[field(entries, offset, handles) for field, offset in parts])

    return lift


def _lift_enum(annotation: Any) -> Lift:
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        members = {case.value: case for case in annotation}
        return lambda raw, at, handles: members[_lift_string(raw, at, handles)]
    return _lift_string


def _lift_flags(raw: bytes, at: int, handles: Handles | None) -> Any:
    count, pointer = _unpack_two(raw, at + 8)
    labels = _string_at(pointer, _NAME_BYTES * count) if count else b""
    return frozenset(
        _string_at(address, length).decode() for length, address in (_unpack_two(labels, _NAME_BYTES * i) for i in range(count))
    )


def _lift_variant(variants: tuple[tuple[str, s.Shape | None], ...]) -> Lift:
    payloads = {name: _lifter_if(shape) for name, shape in variants}

    def lift(raw: bytes, at: int, handles: Handles | None) -> Any:
        _, length, address, pointer = _four.unpack_from(raw, at)
        name = _string_at(address, length).decode()
        payload = payloads[name]
        return name, None if payload is None else payload(_string_at(pointer, VALUE_BYTES), 0, handles)

    return lift


def _lift_result(ok: Lift | None, err: Lift | None) -> Lift:
    def lift(raw: bytes, at: int, handles: Handles | None) -> Any:
        succeeded, pointer = _unpack_two(raw, at + 8)
        payload = ok if succeeded & 0xFF else err
        value = None if payload is None else payload(_string_at(pointer, VALUE_BYTES), 0, handles)
        return Ok(value) if succeeded & 0xFF else Err(value)

    return lift


def _lift_handle(raw: bytes, at: int, handles: Handles | None) -> Any:
    assert handles is not None, "resources cross only inside a call"
    return handles.number(_unpack_two(raw, at + 8)[0])
