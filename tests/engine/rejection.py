"""Expects the engine to reject a component."""

from __future__ import annotations

import pytest

from holdfast.engine import ComponentError


def rejected(code: str, match: str | None = None) -> pytest.RaisesExc[ComponentError]:
    """A context manager: the block raises ComponentError with this code, and with a message that matches."""
    return pytest.raises(ComponentError, match=match, check=lambda error: error.code == code)
