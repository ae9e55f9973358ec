"""The generated pages are what the code says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.reference.pages import PAGES

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=[*PAGES])
def test_a_generated_page_is_current(name: str, page: Callable[[], str]) -> None:
    assert (DOCS / name).read_text() == page(), "run `make reference`"
