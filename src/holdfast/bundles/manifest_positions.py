"""Where in a JSON text each value and each field name stands, so that a fault can be shown with line and column."""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass

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
class _Open:
    """An object (with the names it has so far) or list (without) that the scan is inside of."""

    names: set[str] | None
    index: int = -1
    name: str | None = None


class Positions:
    """The places of the values at `wanted` in `text`, which must be valid JSON of any depth. Only what is wanted is kept in memory."""

    def __init__(self, text: str, wanted: Iterable[Path] = ()) -> None:
        self._wanted: set[Path] = {()} | {path[:length] for path in wanted for length in range(len(path) + 1)}
        self._deepest = max(map(len, self._wanted))
        self._ends = [match.start() for match in re.finditer("\n", text)]
        self._values: dict[Path, int] = {}
        self._names: dict[Path, int] = {}
        self.repeated: list[tuple[Path, Position]] = []
        """Fields that are there a second time in one object, in the order of the text; at most 100. Of such a field the last one counts."""
        self._scan(text)

    def value_at(self, path: Path) -> Position:
        """Where the value at `path` begins; where it is missing, the object or list that should hold it."""
        while path not in self._values:
            path = path[:-1]
        return self._position(self._values[path])

    def name_at(self, path: Path) -> Position:
        """Where the name of the field at `path` begins; as `value_at` for what has no name."""
        found = self._names.get(path)
        return self.value_at(path) if found is None else self._position(found)

    def _position(self, offset: int) -> Position:
        line = bisect_left(self._ends, offset)
        return Position(line + 1, offset - (self._ends[line - 1] if line else -1))

    def _scan(self, text: str) -> None:
        inside: list[_Open] = []
        trail: list[int | str] = []
        for match in _TOKEN.finditer(text):
            piece, start = match[1], match.start(1)
            if piece in ":,":
                continue
            if piece in "]}":
                inside.pop()
                if trail:
                    trail.pop()
                continue
            holder = inside[-1] if inside else None
            if holder is not None and holder.names is not None and holder.name is None:
                self._field(holder, trail, json.loads(piece), start)
                continue
            if holder is not None:
                trail.append(_step(holder))
            self._keep(self._values, trail, start)
            if piece in "[{":
                inside.append(_Open(set() if piece == "{" else None))
            elif trail:
                trail.pop()

    def _field(self, holder: _Open, trail: list[int | str], name: str, start: int) -> None:
        assert holder.names is not None
        path = [*trail, name] if len(trail) < self._deepest else None
        if name in holder.names and len(self.repeated) < MAX_REPEATED:
            self.repeated.append(((*trail, name), self._position(start)))
        holder.names.add(name)
        holder.name = name
        if path is not None:
            self._keep(self._names, path, start)

    def _keep(self, where: dict[Path, int], trail: list[int | str], start: int) -> None:
        if len(trail) <= self._deepest and (path := tuple(trail)) in self._wanted:
            where[path] = start


def _step(holder: _Open) -> int | str:
    """How the value that comes now is reached from its holder, which then expects what follows it."""
    if holder.name is not None:
        name, holder.name = holder.name, None
        return name
    holder.index += 1
    return holder.index
