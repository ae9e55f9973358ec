"""Every promise in the table has a test, and every test a promise."""

from __future__ import annotations

import re
from pathlib import Path

from tests.guide.rows import ROWS


def test_every_row_has_a_test() -> None:
    tested: set[int] = set()
    for file in Path(__file__).parent.glob("test_*.py"):
        for numbers in re.findall(r"^(?:async )?def test_rows?_(\d+(?:_and_\d+)*)_", file.read_text(), re.M):
            tested |= {int(number) for number in numbers.split("_and_")}
    assert tested == set(ROWS)
