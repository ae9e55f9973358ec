"""Comparing service tokens."""

from __future__ import annotations

import pytest

from holdfast.http.service_tokens import is_same_token


def test_equal_tokens_are_the_same() -> None:
    assert is_same_token("töken", "töken")


@pytest.mark.parametrize(("offered", "expected"), [("a", "b"), ("a", "ab"), ("", ""), (None, None), ("", "a"), ("a", None)])
def test_different_missing_and_empty_tokens_are_not(offered: str | None, expected: str | None) -> None:
    assert not is_same_token(offered, expected)
