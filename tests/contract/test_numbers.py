"""Every number of the contract has a test here, and every statement under a number is marked at its assertion."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parent
SERIES = {"ap": 1, "co": 2, "ui": 8, "se": 2, "sm": 6, "un": 33, "s": 19, "b": 18}
"""How many numbers each series has: integration and unit tests of section 7, security defects of 8.2, bugs of 8.3."""

STATEMENTS = {
    **{"ap_01": 3, "co_01": 4, "co_02": 9, "ui_01": 6, "ui_02": 10, "ui_03": 1, "ui_04": 1, "ui_05": 2, "ui_06": 2, "ui_07": 3, "ui_08": 3},
    **{"se_01": 2, "se_02": 4, "sm_01": 3, "sm_02": 4, "sm_03": 3, "sm_04": 2, "sm_05": 6, "sm_06": 2},
}
"""How many statements section 7.1 makes under each number."""

_NAME = re.compile(r"test_(?P<number>(?:ap|co|ui|se|sm|un)_[0-9]{2}|[sb][0-9]{1,2})_")


def numbered() -> dict[str, str]:
    """The source of the tests in this folder by number. Tests with one number are joined."""
    found: dict[str, str] = {}
    for file in sorted(FOLDER.glob("test_*.py")):
        source = file.read_text()
        for node in ast.parse(source).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (named := _NAME.match(node.name)):
                found[named["number"]] = found.get(named["number"], "") + (ast.get_source_segment(source, node) or "")
    return found


def test_no_statement_number_is_missing_or_unknown() -> None:
    wanted = {f"{series}{n}" if len(series) == 1 else f"{series}_{n:02}" for series, last in SERIES.items() for n in range(1, last + 1)}
    assert set(numbered()) == wanted


def test_every_statement_is_marked_at_its_assertion() -> None:
    found = numbered()
    wanted = [f"{number.upper().replace('_', '-')}.{n}" for number, last in STATEMENTS.items() for n in range(1, last + 1)]
    missing = [mark for mark in wanted if not re.search(rf"# {re.escape(mark)}\b", found[mark.partition(".")[0].lower().replace("-", "_")])]
    assert missing == []
