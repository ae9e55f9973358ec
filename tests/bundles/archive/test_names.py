"""A member stays in its folder, whichever name it has."""

from __future__ import annotations

from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.names import normalize_name

_PIECES = st.sampled_from(["..", ".", "/", "\\", "a", "ui", "", ".x", "\0", "\u202e", "é", "C:", "~", "\ud800", "x" * 100])


@given(st.one_of(st.text(max_size=60), st.lists(_PIECES, max_size=8).map("".join), st.lists(_PIECES, max_size=8).map("/".join)))
def test_a_name_is_rejected_or_stays_below_its_folder(name: str) -> None:
    try:
        cleaned = normalize_name(name)
    except ExtractFailed:
        return
    if cleaned is None:
        return
    path = PurePosixPath("/cache/entry") / cleaned
    assert path.is_relative_to("/cache/entry")
    assert str(path) == f"/cache/entry/{cleaned}"
    assert not any(part.startswith(".") for part in PurePosixPath(cleaned).parts)
    assert "\\" not in cleaned and "\0" not in cleaned


@given(st.lists(st.from_regex(r"[a-z][a-z0-9_-]{0,8}(\.js)?", fullmatch=True), min_size=1, max_size=5))
def test_an_ordinary_name_is_unchanged(segments: list[str]) -> None:
    name = "/".join(segments)
    assert normalize_name(name) == name
    assert normalize_name(f"./{name}") == name
