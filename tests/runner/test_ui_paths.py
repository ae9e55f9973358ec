"""Which paths are pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.runner.errors import InvalidUiPath
from holdfast.runner.ui_paths import clean_path

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
def test_what_is_no_page_is_refused(path: str) -> None:
    with pytest.raises(InvalidUiPath):
        clean_path(path)


@given(st.one_of(st.text(max_size=40), st.lists(_PIECES, max_size=8).map("".join), st.lists(_PIECES, max_size=8).map("/".join)))
def test_a_path_is_refused_or_stays_below_the_pages(path: str) -> None:
    try:
        cleaned = clean_path(path)
    except InvalidUiPath:
        return
    segments = cleaned.split("/") if cleaned else []
    assert all(segment and not segment.startswith(".") and "\\" not in segment and "\0" not in segment for segment in segments)
    assert clean_path(cleaned) == cleaned
