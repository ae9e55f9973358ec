"""Where in a JSON text each value and each field name stands, so that a fault can be shown with line and column."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field

Path = tuple[int | str, ...]
"""How to come from the whole value to one in it: names of fields and indices of lists."""

MAX_REPEATED = 100

_TOKEN = re.compile(r'[ \t\n\r]*("(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^ \t\n\r{}\[\]:,"]+)')


@dataclass(frozen=True)
class Position:
    """A place in a text; line and column (in characters) count from 1."""

    line: int
    column: int


@dataclass
class _Place:
    """A wanted path, or a step on the way to one: where its value and its name begin, and what is wanted below."""

    value: int | None = None
    name: int | None = None
    below: dict[int | str, _Place] = field(default_factory=dict)


@dataclass
class _Open:
    """An object (with the names it has so far) or list (without) that the scan is inside of, and the step that led into it."""

    place: _Place | None
    names: set[str] | None
    step: int | str | None
    index: int = -1
    name: str | None = None


class Positions:
    """The places of the values at `wanted` in `text`, which must be valid JSON of any depth. Only what is wanted is kept in memory."""

    def __init__(self, text: str, wanted: Iterable[Path] = ()) -> None:
        self._root = _Place()
        for path in wanted:
            place = self._root
            for step in path:
                place = place.below.setdefault(step, _Place())
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self.repeated: list[tuple[Path, Position]] = []
        """Fields that are there a second time in one object, in the order of the text; at most 100. Of such a field the last one counts."""
        self._scan(text)

    def value_at(self, path: Path) -> Position:
        """Where the value at `path`, which was wanted, begins; where it is missing, the object or list that should hold it."""
        return self._position(self._found(path)[0])

    def name_at(self, path: Path) -> Position:
        """Where the name of the field at `path` begins; as `value_at` for what has no name."""
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
    """How the value that comes now is reached from its holder, which then expects what follows it."""
    if holder.name is not None:
        name, holder.name = holder.name, None
        return name
    holder.index += 1
    return holder.index
