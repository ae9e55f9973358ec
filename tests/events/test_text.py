"""Text is truncated to a number of bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.events import truncate


def test_text_within_the_limit_is_unchanged() -> None:
    assert truncate("olá", 4) == ("olá", False)


def test_truncating_inside_a_character_drops_the_whole_character() -> None:
    assert truncate("aé", 2) == ("a", True)
    assert truncate("€€", 5) == ("€", True)
    assert truncate("😀", 3) == ("", True)


def test_lone_surrogates_become_question_marks() -> None:
    assert truncate("a\ud800b", 10) == ("a?b", False)


@pytest.mark.parametrize("limit", [8_190, 8_191, 8_192, 8_193])
def test_a_long_line_of_two_byte_characters_is_truncated_at_any_limit(limit: int) -> None:
    kept, cut = truncate("é" * 5_000, limit)
    assert kept == "é" * (limit // 2)
    assert cut


@given(st.text(), st.integers(1, 40))
def test_the_result_is_a_start_of_the_text_that_fits(text: str, limit: int) -> None:
    kept, cut = truncate(text, limit)
    assert text.startswith(kept)
    assert len(kept.encode()) <= limit
    assert cut == (kept != text)
    if cut:
        assert len(text[: len(kept) + 1].encode()) > limit
