"""How `holdfast dev` starts: the platform's process imports while the command reads the projects, and does nothing else until it may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.cli.command_runner import clean_environment, run
from tests.waiting import MAX_WAIT_SECONDS, wait_until


def test_a_launched_platform_imports_before_it_has_options_and_ends_with_its_parent(tmp_path: Path) -> None:
    imports = tmp_path / "imports.log"
    with imports.open("wb") as written:
        child = subprocess.Popen(
            [sys.executable, "-m", "holdfast.dev.platform_child"],
            cwd=tmp_path,
            env=clean_environment(PYTHONPROFILEIMPORTTIME="1"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=written,
        )
    with child:
        # One of the last that `platform.application` imports.
        wait_until(lambda: " holdfast.platform.maintenance\n" in imports.read_text(), lambda: imports.read_text()[-2_000:])
        output, _ = child.communicate(timeout=MAX_WAIT_SECONDS)
    # Where it only costs time: structlog would load it for tracebacks, which the log never has.
    assert " rich." not in imports.read_text()
    assert (child.returncode, output) == (0, b"")
    assert list(tmp_path.iterdir()) == [imports]


def test_without_a_project_nothing_is_created(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    done = run("dev", project, "--data-dir", tmp_path / "data", "--no-open", cwd=tmp_path)
    assert done.returncode == 1
    assert "manifest.json" in done.stderr, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["project"]
