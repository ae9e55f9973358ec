"""Validation of page paths."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.runner.http.errors import InvalidUiPath
from holdfast.runner.ui.paths import SERVED_SUFFIXES, clean_path, suffix

_PIECES = st.sampled_from(["..", ".", "/", "//", "\\", "a", "app.js", ".x", "\0", "\x85", "é", "x.html", "%2e", ""])


@pytest.mark.parametrize(
    ("path", "cleaned"),
    [
        ("", ""),
        ("assets//img///logo.png", "assets/img/logo.png"),
        ("index.html", "index.html"),
        ("A.HTML", "A.HTML"),
        ("assets/images/", "assets/images"),
        ("v1.2/app.js", "v1.2/app.js"),
        ("favicon.ico", "favicon.ico"),
    ],
)
def test_a_page_keeps_its_path(path: str, cleaned: str) -> None:
    assert clean_path(path) == cleaned


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "../x",
        "./x",
        "a/../b",
        "a/./b",
        ".env",
        "assets/.secret/file.txt",
        "bad.exe",
        "file.",
        "a\x01b",
        "a\0",
        "a\\b",
        "x.html/../y.exe",
    ],
)
def test_an_invalid_page_address_is_rejected(path: str) -> None:
    with pytest.raises(InvalidUiPath):
        clean_path(path)


@given(st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=8).map("".join), st.lists(_PIECES, max_size=8).map("/".join)))
def test_a_path_is_rejected_or_stays_below_the_pages(path: str) -> None:
    try:
        cleaned = clean_path(path)
    except InvalidUiPath:
        return
    segments = cleaned.split("/") if cleaned else []
    assert all(segment and not segment.startswith(".") and "\\" not in segment and "\0" not in segment for segment in segments)
    assert clean_path(cleaned) == cleaned


_NAMES = st.from_regex(r"[a-zA-Z0-9_-][a-zA-Z0-9_.-]{0,10}", fullmatch=True)


@given(
    st.lists(_NAMES, max_size=5),
    st.from_regex(r"[a-z0-9]{1,8}", fullmatch=True),
    st.sampled_from(["", *sorted(SERVED_SUFFIXES)]),
    st.data(),
)
def test_every_page_with_a_plain_name_is_served_however_many_slashes_there_are(
    folders: list[str], name: str, ending: str, data: st.DataObject
) -> None:
    segments = [*folders, f"{name}.{ending}" if ending else name]
    written = segments[0] + "".join("/" * data.draw(st.integers(min_value=1, max_value=3)) + segment for segment in segments[1:])
    assert clean_path(written) == "/".join(segments)
    assert suffix(written) == ending


@given(
    st.lists(_NAMES, max_size=5), st.sampled_from(["..", ".", ".x", "a\\b", "a\0", "\x1f", "\x7f"]), st.integers(min_value=0, max_value=5)
)
def test_one_unsafe_or_hidden_segment_makes_a_path_invalid(names: list[str], bad: str, where: int) -> None:
    with pytest.raises(InvalidUiPath):
        clean_path("/".join([*names[:where], bad, *names[where:]]))
