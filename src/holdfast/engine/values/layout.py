"""Values to and from C memory: `wasmtime_component_val_t`, 32 bytes, kind at offset 0, payload at offset 8.

This module has their layout and the memory they use; `lowering.py` and `lifting.py` compile the converters, once per type. Lowering
builds a value in memory that Python owns (an Arena): Wasmtime only borrows the arguments of a call, and clones the result of a host
function in one C call, so nothing needs to be freed. Lifting copies out of memory that Wasmtime owns.

Python forms: bytes for list<u8>, list, tuple, None or the value for option, the case's text for enums (a StrEnum where the type names
one), `Ok`/`Err` for result, `(case, payload)` for variant, frozenset of names for flags, an int for a resource handle.
"""

from __future__ import annotations

import struct
import typing
from collections.abc import Callable
from typing import Any

import msgspec


class Ok(msgspec.Struct, frozen=True):
    """The ok case of a result; `value` is None where the case carries nothing."""

    value: Any = None


class Err(msgspec.Struct, frozen=True):
    """The error case of a result."""

    value: Any = None


BOOL, S8, U8, S16, U16, S32, U32, S64, U64, F32, F64, CHAR, STRING, LIST, RECORD, TUPLE, VARIANT, ENUM, OPTION, RESULT, FLAGS, RESOURCE = (
    range(22)
)
VALUE_BYTES = 32
ENTRY_BYTES = 48  # of a record: name length, name pointer, value
NAME_BYTES = 16  # length, pointer

PAIR = struct.Struct("<QQ")
QUAD = struct.Struct("<QQQQ")

BYTES_HEADER = bytes.__basicsize__ - 1
"""Offset of a bytes object's data from its address in CPython. `startup_check` checks it before anything relies on it."""

PRIMITIVE: dict[str, tuple[int, struct.Struct]] = {
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
    """Converts resource handles of one call into numbers and back; `capi.NativeCall` implements it."""

    def number(self, resource: int) -> int:
        """The number behind the `wasmtime_component_resource_any_t` at this address. Only valid inside the callback that received it."""

    def own(self, number: int) -> int:
        """The address of a new owned `wasmtime_component_resource_any_t` for this number, valid until the next `write_result`."""


class Arena(list[Any]):
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
