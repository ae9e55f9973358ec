"""Parsing of the header Range."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.runner.ui.ranges import OUTSIDE, ByteRange, parse_range

_PIECES = st.sampled_from(["bytes", "=", "-", ",", "0", "1", "9", "99", " ", "\t", "items", "B", "+1", "٣", "0x1", "-1", "²", "\0", "é"])
_SIZES = st.integers(min_value=0, max_value=1 << 60)


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=0-499", 0, 499),
        ("bytes=500-", 500, 999),
        ("bytes=-1", 999, 999),
        ("bytes=-500", 500, 999),
        ("bytes=-5000", 0, 999),
        ("bytes=990-5000", 990, 999),
        ("bytes=0-99999999999999999999999999999999999999999999", 0, 999),
        ("BYTES=1-2", 1, 2),
        ("bytes= 1-2 ", 1, 2),
        ("bytes=0001-2", 1, 2),
    ],
)
def test_one_range_is_served(header: str, first: int, last: int) -> None:
    found = parse_range(header, 1_000)
    assert found == ByteRange(first, last)
    assert found.content_range(1_000) == f"bytes {first}-{last}/1000"


@pytest.mark.parametrize("header", ["bytes=1000-", "bytes=1000-1001", "bytes=-0", "bytes=99999999999999999999999-"])
def test_a_range_that_holds_no_byte_of_the_file_is_outside(header: str) -> None:
    assert parse_range(header, 1_000) == OUTSIDE


@pytest.mark.parametrize(
    "header",
    [
        *["", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=1", "items=0-1", "bytes=0-1,4-5", "bytes=0-1,", "bytes=--1"],
        *["bytes=+1-2", "bytes=0x1-2", "bytes=1 - 2", "bytes=٣-٤", "bytes=0-1\n", "bytes=" + "9" * 200 + "-", "0-1", "bytes:0-1"],
    ],
)
def test_malformed_ranges_and_several_ranges_are_ignored(header: str) -> None:
    assert parse_range(header, 1_000) is None


def test_of_an_empty_file_every_range_is_outside_or_the_whole() -> None:
    assert parse_range("bytes=0-", 0) == OUTSIDE
    assert parse_range("bytes=-1", 0) is None


@given(st.one_of(st.text(max_size=120), st.lists(_PIECES, max_size=12).map("".join)), _SIZES)
def test_for_any_header_the_range_is_within_the_file(header: str, size: int) -> None:
    found = parse_range(header, size)
    if isinstance(found, ByteRange):
        assert 0 <= found.first <= found.last < size
        assert found.length == found.last - found.first + 1
        assert re.fullmatch(r"[ \t]*bytes[^,]*", header, re.IGNORECASE)
    else:
        assert found in (None, OUTSIDE)


@given(st.data(), st.integers(min_value=1, max_value=1 << 60))
def test_a_range_within_the_file_is_read_as_it_was_written(data: st.DataObject, size: int) -> None:
    first = data.draw(st.integers(min_value=0, max_value=size - 1))
    last = data.draw(st.integers(min_value=first, max_value=size - 1))
    assert parse_range(f"bytes={first}-{last}", size) == ByteRange(first, last)
    assert parse_range(f"bytes={first}-", size) == ByteRange(first, size - 1)
    assert parse_range(f"bytes=-{size - first}", size) == ByteRange(first, size - 1)


@given(st.binary(min_size=1, max_size=50), st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=60))
def test_the_bytes_of_a_range_are_those_that_it_names(content: bytes, first: int, length: int) -> None:
    found = parse_range(f"bytes={first}-{first + length}", len(content))
    expected = content[first : first + length + 1]
    assert (content[found.first : found.last + 1] if isinstance(found, ByteRange) else b"") == expected
