"""`scripts/check-words` finds what its list names, and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "check-words"


def check(file: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, file], capture_output=True, text=True, timeout=300, check=False)


def test_a_listed_word_is_rejected_with_its_line_and_its_replacement(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("The runner starts.\nIt is start" + "ed a" + "new.\n")
    found = check(page)
    assert found.returncode == 1
    assert f"{page}:2: “a" in found.stdout
    assert "write again" in found.stdout


def test_words_of_a_name_count_and_parts_of_words_do_not(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("mushrooms = showroom is None\n")
    assert check(module).returncode == 0
    module.write_text("server_r" + "oom = 1\n")
    assert check(module).returncode == 1


def test_everything_that_is_tracked_is_free_of_listed_words() -> None:
    found = subprocess.run([sys.executable, SCRIPT], capture_output=True, text=True, timeout=300, check=False)
    assert found.returncode == 0, found.stdout
