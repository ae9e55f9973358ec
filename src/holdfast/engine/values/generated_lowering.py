"""Generates one flat Python function that lowers a record of the world: no function call per field, no loop.

A speed trick. After a guest has run, the processor's caches hold the guest, and entering a Python function costs twice as much as in a
tight loop. Every call lowers a request, so straight-line code does that, generated once from the world's own types.
`Engine(generated_lowering=False)` uses `lowering.py` instead; tests compare the two. Nothing of a component gets into the generated
text: all names come from `holdfast.world.types`.
"""

from __future__ import annotations

import itertools
import struct
import typing
from collections.abc import Iterator
from typing import Any

import msgspec

from holdfast.engine.values.layout import BYTES_HEADER, OPTION, RECORD, STRING, Lower, static_name
from holdfast.engine.values.lowering import lowerer
from holdfast.engine.values.types import OptionOf, Primitive, RecordOf, ValueType, value_type_of


class _Writer:
    """Collects the lines of the function and the objects that they refer to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"pack": struct.Struct("<QQQQ").pack}
        self._numbers: Iterator[int] = itertools.count()

    def name(self) -> str:
        return f"v{next(self._numbers)}"

    def constant(self, value: Any) -> str:
        name = self.name()
        self.scope[name] = value
        return name

    def keep(self, indent: str, name: str, expression: str) -> None:
        self.lines.append(f"{indent}{name} = {expression}; keep({name})")

    def value(self, source: str, value_type: ValueType, annotation: Any, indent: str) -> tuple[str, str]:
        """Writes the lines that lower a value. Returns the struct format of its 32 bytes, and the arguments that fill it."""
        if value_type == Primitive("string"):
            raw = self.name()
            self.keep(indent, raw, f"{source}.encode()")
            return "QQQQ", f"{STRING}, len({raw}), id({raw}) + {BYTES_HEADER}, 0"
        if isinstance(value_type, OptionOf):
            address, given = self.name(), self.name()
            self.lines += [f"{indent}{given} = {source}", f"{indent}if {given} is None:", f"{indent}    {address} = 0", f"{indent}else:"]
            (inner,) = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
            form, arguments = self.value(given, value_type.payload, inner, indent + "    ")
            raw = self.name()
            self.keep(indent + "    ", raw, f"pack({arguments})" if form == "QQQQ" else arguments)
            self.lines.append(f"{indent}    {address} = id({raw}) + {BYTES_HEADER}")
            return "QQQQ", f"{OPTION}, {address}, 0, 0"
        if isinstance(value_type, RecordOf):
            return "QQQQ", self.record(source, annotation, indent)
        return "32s", f"{self.constant(lowerer(value_type))}({source}, arena)"

    def record(self, source: str, kind: type[msgspec.Struct], indent: str) -> str:
        """Writes the lines that lower a record. Returns the arguments of its 32 bytes."""
        hints = typing.get_type_hints(kind, include_extras=True)
        forms, arguments = [], []
        for field in kind.__struct_fields__:
            length, address = static_name(field.replace("_", "-"))
            form, filled = self.value(f"{source}.{field}", value_type_of(hints[field]), hints[field], indent)
            forms.append(f"QQ{form}")
            arguments.append(f"{length}, {address}, {filled}")
        packer, raw = self.constant(struct.Struct("<" + "".join(forms)).pack), self.name()
        self.keep(indent, raw, f"{packer}({', '.join(arguments)})")
        return f"{RECORD}, {len(forms)}, id({raw}) + {BYTES_HEADER}, 0"


def generate_lowerer(kind: type[msgspec.Struct]) -> Lower:
    """Returns a function that lowers a value of this world type, with the results and exceptions of `lowerer(value_type_of(kind))`."""
    writer = _Writer()
    arguments = writer.record("value", kind, "    ")
    text = "\n".join(["def lower(value, arena):", "    keep = arena.append", *writer.lines, f"    return pack({arguments})"])
    exec(compile(text, f"<lowering of {kind.__name__}>", "exec"), writer.scope)  # noqa: S102 - the text comes from our own types
    lower: Lower = writer.scope["lower"]
    return lower
