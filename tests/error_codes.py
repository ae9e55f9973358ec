"""Expects an error with a code."""

from __future__ import annotations

import pytest

from holdfast.errors import HoldfastError


def rejected(code: str, match: str | None = None) -> pytest.RaisesExc[HoldfastError]:
    """A context manager: the block raises an error with this code, and with a message that matches."""
    return pytest.raises(HoldfastError, match=match, check=lambda error: error.code == code)


def has_code(result: object, code: str) -> bool:
    """Whether a result of `asyncio.gather(…, return_exceptions=True)` is an error with this code."""
    return isinstance(result, HoldfastError) and result.code == code
