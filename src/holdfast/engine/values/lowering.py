"""From Python to C memory: compiles, once per type, a function that converts a value into its 32 bytes."""

from __future__ import annotations

import ctypes
import mmap
import struct
from operator import attrgetter
from typing import Any

from holdfast.engine.values import types as s
from holdfast.engine.values.layout import (
    BYTES_HEADER,
    CHAR,
    ENUM,
    FLAGS,
    LIST,
    OPTION,
    PAIR,
    PRIMITIVE,
    QUAD,
    RECORD,
    RESOURCE,
    RESULT,
    STRING,
    TUPLE,
    U8,
    VALUE_BYTES,
    VARIANT,
    Arena,
    Err,
    Lower,
    Ok,
    static_name,
)

_pack = QUAD.pack


def lowerer(value_type: s.ValueType) -> Lower:
    """Compiles a function that converts a Python value of this type into its 32 bytes.

    The function raises TypeError, ValueError, struct.error or AttributeError for a value of another type.
    """
    match value_type:
        case s.Primitive(name="string"):
            return _lower_string
        case s.Primitive(name="char"):
            return lambda value, arena: _pack(CHAR, ord(value), 0, 0)
        case s.Primitive(name=name):
            kind, form = PRIMITIVE[name]
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
            raise TypeError(f"values of type {s.describe(value_type)} cannot cross the boundary")


def _lowerer_if(value_type: s.ValueType | None) -> Lower | None:
    return None if value_type is None else lowerer(value_type)


def _lower_string(value: Any, arena: Arena) -> bytes:
    raw = value.encode()
    arena.append(raw)
    return _pack(STRING, len(raw), id(raw) + BYTES_HEADER, 0)


def _lower_bytes(value: Any, arena: Arena) -> bytes:
    count = len(value)
    if count >= _MAPPED_FROM:
        return _lower_many_bytes(value, arena)
    values = bytearray(VALUE_BYTES * count)
    # Strided slices write a whole column at once, a speed trick: a loop over the bytes takes 400 times as long.
    values[0::VALUE_BYTES] = _U8_KIND * count
    values[8::VALUE_BYTES] = value
    return _pack(LIST, count, arena.address(bytes(values)), 0)


def _lower_many_bytes(value: Any, arena: Arena) -> bytes:
    """Does the same in huge pages, a speed trick: 1 MiB of bytes becomes 32 MiB, and faults of 4 KiB take longer than the writes."""
    count = len(value)
    values = mmap.mmap(-1, VALUE_BYTES * count, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        values.madvise(mmap.MADV_HUGEPAGE)
    values[0::VALUE_BYTES] = _U8_KIND * count
    values[8::VALUE_BYTES] = value
    start = ctypes.c_char.from_buffer(values)
    arena.append(start)  # keeps the mapping alive
    return _pack(LIST, count, ctypes.addressof(start), 0)


_MAPPED_FROM = 32_768
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


def _lower_record(fields: tuple[tuple[str, s.ValueType], ...]) -> Lower:
    attributes = attrgetter(*[name.replace("-", "_") for name, _ in fields])
    names = [PAIR.pack(*static_name(name)) for name, _ in fields]
    lowers = [lowerer(value_type) for _, value_type in fields]
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
    packed = {name: PAIR.pack(*static_name(name)) for name in names}

    def lower(value: Any, arena: Arena) -> bytes:
        raw = b"".join([packed[name] for name in value])
        return _pack(FLAGS, len(value), arena.address(raw), 0)

    return lower


def _lower_variant(variants: tuple[tuple[str, s.ValueType | None], ...]) -> Lower:
    cases = {name: (static_name(name), _lowerer_if(value_type)) for name, value_type in variants}

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
