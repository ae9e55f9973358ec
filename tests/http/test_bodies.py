"""Declared lengths of request bodies."""

from __future__ import annotations

import pytest

from holdfast.http.bodies import is_declared_larger


@pytest.mark.parametrize(
    ("declared", "larger"),
    [("11", True), ("10", False), ("0", False), ("", False), ("-11", False), ("1e9", False), ("\u00b2\u00b2", False), (None, False)],
)
def test_only_a_valid_declaration_beyond_the_limit_counts(declared: str | None, larger: bool) -> None:
    headers = {} if declared is None else {"content-length": declared}
    assert is_declared_larger(headers, 10) is larger
