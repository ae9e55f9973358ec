"""Finds the line and column of values and field names in a JSON text, for error messages.

`json` does not report positions, so this module scans the text again. It runs only for invalid manifests.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

Path = tuple[int | str, ...]
"""The path from the whole value to one in it: field names and list indices."""

MAX_REPEATED = 100

# Each branch consumes at least one character and none overlaps, so matching takes linear time.
_TOKEN = re.compile(r'[ \t\n\r]*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^ \t\n\r{}\[\]:,"]+)')


@dataclass(frozen=True)
class Position:
    """A position in a text; line and column (in characters) count from 1."""

    line: int
    column: int


@dataclass
class _Place:
    """A requested path or a prefix of one: where its value and its name begin, and the requested paths below."""

    value: int | None = None
    name: int | None = None
    below: dict[int | str, _Place] = field(default_factory=dict)


@dataclass
class _Open:
    """An object (with the names found so far) or a list (without) that the scan is in, and the step that leads to it."""

    place: _Place | None
    names: set[str] | None
    step: int | str | None
    index: int = -1
    name: str | None = None


class Positions:
    """The positions of the values at the paths `wanted` in `text`, which must be valid JSON. Other positions are not stored."""

    def __init__(self, text: str, wanted: Iterable[Path] = ()) -> None:
        self._root = _Place()
        for path in wanted:
            place = self._root
            for step in path:
                place = place.below.setdefault(step, _Place())
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self.repeated: list[tuple[Path, Position]] = []
        """Fields that an object repeats, in the order of the text; at most 100. For a repeated field, `value_at` returns the last one."""
        self._scan(text)

    def value_at(self, path: Path) -> Position:
        """Where the value at the requested `path` begins; if it is missing, where the object or list that should contain it begins."""
        return self._position(self._found(path)[0])

    def name_at(self, path: Path) -> Position:
        """Where the name of the field at `path` begins; as `value_at` for an element of a list."""
        value, name = self._found(path)
        return self._position(value if name is None else name)

    def _found(self, path: Path) -> tuple[int, int | None]:
        place = self._root
        offset = place.value or 0
        for step in path:
            inner = place.below.get(step)
            if inner is None or inner.value is None:
                return offset, None
            place, offset = inner, inner.value
        return offset, place.name

    def _position(self, offset: int) -> Position:
        # `_ends` has the offsets of all line ends, sorted: the count before `offset` is the line.
        line = bisect_left(self._ends, offset)
        return Position(line + 1, offset - (self._ends[line - 1] if line else -1))

    def _scan(self, text: str) -> None:
        inside: list[_Open] = []
        for match in _TOKEN.finditer(text):
            piece, start = match[1], match.start(1)
            if piece in ":,":
                continue
            if piece in "]}":
                inside.pop()
                continue
            holder = inside[-1] if inside else None
            if holder is not None and holder.names is not None and holder.name is None:
                self._field(inside, json.loads(piece), start)
                continue
            step = None if holder is None else _step(holder)
            place = self._root if holder is None or step is None else holder.place and holder.place.below.get(step)
            if place is not None:
                place.value = start
            if piece in "[{":
                inside.append(_Open(place, set() if piece == "{" else None, step))

    def _field(self, inside: list[_Open], name: str, start: int) -> None:
        holder = inside[-1]
        assert holder.names is not None
        if name in holder.names and len(self.repeated) < MAX_REPEATED:
            path = (*(opened.step for opened in inside if opened.step is not None), name)
            self.repeated.append((path, self._position(start)))
        holder.names.add(name)
        holder.name = name
        if holder.place is not None and (place := holder.place.below.get(name)) is not None:
            place.name = start


def _step(holder: _Open) -> int | str:
    """The step from `holder` to the value that begins now; advances `holder` past it."""
    if holder.name is not None:
        name, holder.name = holder.name, None
        return name
    holder.index += 1
    return holder.index
