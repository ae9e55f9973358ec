"""How `holdfast dev` starts: the platform's process imports while the command reads the projects, and does nothing else until it may."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psutil

from tests.cli.command_runner import ARTIFACTS, clean_environment, run
from tests.dev.dev_process import DevProcess
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


def test_the_development_component_is_compiled_for_command_and_runner_together(dev: DevProcess) -> None:
    """Each of them loads it. It is in one folder, where one process compiles and the others wait."""
    command, *children = dev.family()
    runner = next(child for child in children if "holdfast.runner" in child.cmdline())
    wait_until(lambda: _compiled_code(runner) != set(), dev.described)
    assert len(_compiled_code(runner)) == 1
    assert _compiled_code(command) == _compiled_code(runner)
    assert {path.parent for path in _compiled_code(command)} == {ARTIFACTS}


def _compiled_code(process: psutil.Process) -> set[Path]:
    """The compiled components that a process has loaded."""
    return {Path(mapped.path) for mapped in process.memory_maps() if mapped.path.endswith(".cwasm")}
