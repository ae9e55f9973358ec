"""The generated pages are what the code says, and every setting is in one task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.reference.pages import PAGES
from scripts.reference.settings import TASKS

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(("name", "page"), PAGES.items(), ids=[*PAGES])
def test_a_generated_page_is_current(name: str, page: Callable[[], str]) -> None:
    assert (DOCS / name).read_text() == page(), "run `make reference`"


def test_a_setting_is_in_one_task_only() -> None:
    listed = [name for names in TASKS.values() for name in names]
    assert sorted(listed) == sorted(set(listed))
