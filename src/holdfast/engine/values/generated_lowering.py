"""Compiles the lowering of a record of the world into one flat Python function: no call per field, no loop per call.

After a guest ran, the processor's caches hold the guest: every Python function that is entered then costs twice what it costs in a loop
by itself. So the request, which every call lowers, is lowered by straight-line code that is generated once from the world's own types.
Nothing of a component ever gets into the generated text: names come from `holdfast.world.types` alone.
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
from holdfast.engine.values.shapes import OptionOf, Primitive, RecordOf, Shape, shape_of


class _Writer:
    """Collects the lines of the function and the objects they refer to."""

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

    def value(self, source: str, shape: Shape, annotation: Any, indent: str) -> tuple[str, str]:
        """Writes what a value needs. Returns the struct format of its 32 bytes, and the arguments that fill it."""
        if shape == Primitive("string"):
            raw = self.name()
            self.keep(indent, raw, f"{source}.encode()")
            return "QQQQ", f"{STRING}, len({raw}), id({raw}) + {BYTES_HEADER}, 0"
        if isinstance(shape, OptionOf):
            address, given = self.name(), self.name()
            self.lines += [f"{indent}{given} = {source}", f"{indent}if {given} is None:", f"{indent}    {address} = 0", f"{indent}else:"]
            (inner,) = [argument for argument in typing.get_args(annotation) if argument is not type(None)]
            form, arguments = self.value(given, shape.payload, inner, indent + "    ")
            raw = self.name()
            self.keep(indent + "    ", raw, f"pack({arguments})" if form == "QQQQ" else arguments)
            self.lines.append(f"{indent}    {address} = id({raw}) + {BYTES_HEADER}")
            return "QQQQ", f"{OPTION}, {address}, 0, 0"
        if isinstance(shape, RecordOf):
            return "QQQQ", self.record(source, annotation, indent)
        return "32s", f"{self.constant(lowerer(shape))}({source}, arena)"

    def record(self, source: str, kind: type[msgspec.Struct], indent: str) -> str:
        """Writes a record. Returns the arguments of its 32 bytes."""
        hints = typing.get_type_hints(kind, include_extras=True)
        forms, arguments = [], []
        for field in kind.__struct_fields__:
            length, address = static_name(field.replace("_", "-"))
            form, filled = self.value(f"{source}.{field}", shape_of(hints[field]), hints[field], indent)
            forms.append(f"QQ{form}")
            arguments.append(f"{length}, {address}, {filled}")
        packer, raw = self.constant(struct.Struct("<" + "".join(forms)).pack), self.name()
        self.keep(indent, raw, f"{packer}({', '.join(arguments)})")
        return f"{RECORD}, {len(forms)}, id({raw}) + {BYTES_HEADER}, 0"


def flat_lowerer(kind: type[msgspec.Struct]) -> Lower:
    """The function that lowers a value of this world type, as `lowerer(shape_of(kind))` does. It raises what that one raises."""
    writer = _Writer()
    arguments = writer.record("value", kind, "    ")
    text = "\n".join(["def lower(value, arena):", "    keep = arena.append", *writer.lines, f"    return pack({arguments})"])
    exec(compile(text, f"<lowering of {kind.__name__}>", "exec"), writer.scope)  # noqa: S102 - text made of our own types
    lower: Lower = writer.scope["lower"]
    return lower
