"""Line and column of values and names in any JSON text."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from holdfast.bundles.manifest.parsing.positions import MAX_REPEATED, Path, Position, Positions

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
_NAMES = st.text(max_size=4) | st.sampled_from(['"', "\\", "{", "a:b", "x,y", "\n", "]"])
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=4), max_leaves=20)
_LAYOUTS = st.sampled_from([{"indent": 2}, {"indent": "\t"}, {"separators": (",", ":")}, {"separators": (" ,\r\n", "\n: ")}, {}])


def everything(value: Any, path: Path = ()) -> list[tuple[Path, Any]]:
    found: list[tuple[Path, Any]] = [(path, value)]
    steps = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, inner in steps:
        found += everything(inner, (*path, step))
    return found


def rest_of(text: str, at: Position) -> str:
    """The text from a position on, found by counting lines as an editor does."""
    lines = text.split("\n")
    return "\n".join([lines[at.line - 1][at.column - 1 :], *lines[at.line :]])


@given(_JSON, _LAYOUTS, st.booleans(), st.sampled_from(["", "\n\n ", "\r\n"]))
def test_a_position_points_at_its_value_and_at_its_name(value: Any, layout: dict[str, Any], ascii_only: bool, before: str) -> None:
    text = before + json.dumps(value, ensure_ascii=ascii_only, **layout)
    positions = Positions(text, [path for path, _ in everything(value)])
    read = json.JSONDecoder()
    for path, inner in everything(value):
        assert read.raw_decode(rest_of(text, positions.value_at(path)))[0] == inner
        if path and isinstance(path[-1], str):
            assert read.raw_decode(rest_of(text, positions.name_at(path)))[0] == path[-1]
    assert positions.repeated == []


def test_the_position_of_a_missing_field_is_its_object() -> None:
    wanted: list[Path] = [("api", "endpoints", 0, "method"), ("api", "endpoints", 7), ("ui", "entry")]
    positions = Positions('{\n  "api": {\n    "endpoints": [\n      {}\n    ]\n  }\n}', wanted)
    assert positions.value_at(("api", "endpoints", 0, "method")) == Position(4, 7)
    assert positions.name_at(("api", "endpoints", 7)) == Position(3, 18)
    assert positions.value_at(("ui", "entry")) == Position(1, 1)


def test_a_repeated_field_is_reported_at_its_later_position() -> None:
    positions = Positions('{"a": 1,\n "b": {"a": 2},\n "\\u0061": [3]}', [("a",)])
    assert positions.repeated == [(("a",), Position(3, 2))]
    assert positions.value_at(("a",)) == Position(3, 12)
    assert len(Positions("{" + ",".join(['"a":1'] * 1_000) + "}").repeated) == MAX_REPEATED


def test_deep_and_long_texts_are_scanned() -> None:
    deep: Path = (0,) * 5_000
    assert Positions("[" * 5_000 + "1," * 200_000 + "1" + "]" * 5_000, [deep]).value_at(deep) == Position(1, 5_001)
    assert Positions('["' + '\\"' * 400_000 + '", 1]', [(1,)]).value_at((1,)) == Position(1, 800_006)
