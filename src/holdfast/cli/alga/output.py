"""How `alga` prints: the lines of the published tool, so that scripts that read them keep working."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.cli.terminal.printing import note, print_lines


def print_object(line: str, fields: Mapping[str, str | None]) -> None:
    """Writes a line and an object in the form that Node prints to stdout. A field that is None is left out."""
    known = [(name, value) for name, value in fields.items() if value is not None]
    rows = [f"  {name}: {_quote(value)}{',' if position < len(known) else ''}" for position, (name, value) in enumerate(known, 1)]
    print_lines(f"{line} {{", *rows, "}")


def note_object(line: str, fields: Mapping[str, str | int | None]) -> None:
    """The same on stderr, for failures."""
    known = [(name, value) for name, value in fields.items() if value is not None]
    note(f"{line} {{")
    for position, (name, value) in enumerate(known, 1):
        note(f"  {name}: {value if isinstance(value, int) else _quote(value)}{',' if position < len(known) else ''}")
    note("}")


def _quote(text: str) -> str:
    """The text as a JavaScript string."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return f"'{escaped}'"
