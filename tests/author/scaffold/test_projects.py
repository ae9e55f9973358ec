"""A new project of each template: its unit tests pass, its types are right, it builds and packs as it is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from holdfast.author.scaffold.templates import TEMPLATES
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.archive.packing import collect_files
from tests.cli.command_runner import clean_environment
from tests.scaffolds import scaffold
from tests.waiting import MAX_WAIT_SECONDS

NAMES = [template.name for template in TEMPLATES]


def run(command: Sequence[str], project: Path) -> str:
    """What the command prints, which must succeed."""
    # tsx keeps a cache in the temporary folder.
    with tempfile.TemporaryDirectory() as temporary:
        environment = clean_environment(TMPDIR=temporary)
        done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("template", NAMES)
def test_its_unit_tests_pass_with_plain_tools(template: str, toolchain: Toolchain) -> None:
    output = run(["npm", "test"], scaffold(template, toolchain))
    assert "# fail 0" in output and "# pass 0" not in output
    if template == "python":
        output = run([sys.executable, "-I", "-c", _UNITTEST], scaffold(template, toolchain))
        assert "Ran 2 tests" in output and "OK" in output


# As `python -m unittest` in the project, without what this environment has.
_UNITTEST = "import sys, unittest; sys.path.insert(0, ''); unittest.main(None, argv=['python -m unittest'])"


@pytest.mark.parametrize("template", NAMES)
def test_its_types_are_right_and_a_wrong_one_is_found(template: str, toolchain: Toolchain, tmp_path: Path) -> None:
    project = scaffold(template, toolchain)
    run(["npm", "run", "check"], project)
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (copy / "node_modules").symlink_to(project / "node_modules")
    (copy / "ui" / "src" / "text.ts").write_text("export const wrong: number = 'text';\n")
    done = subprocess.run(["npm", "run", "check"], cwd=copy, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    assert done.returncode != 0
    assert "ui/src/text.ts" in done.stdout


def test_the_types_of_a_python_handler_are_right_and_a_wrong_one_is_found(toolchain: Toolchain, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(scaffold("python", toolchain), copy, ignore=shutil.ignore_patterns("node_modules", "dist"))
    mypy = [sys.executable, "-m", "mypy", "--cache-dir", str(tmp_path / "cache")]
    assert "no issues found" in run(mypy, copy)
    handler = copy / "src" / "handler.py"
    handler.write_text(handler.read_text().replace('json_response({"visits": visits})', '"text"'))
    done = subprocess.run(mypy, cwd=copy, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    assert done.returncode == 1
    assert "src/handler.py" in done.stdout and 'expected "Response"' in done.stdout


@pytest.mark.parametrize("template", NAMES)
def test_its_bundle_has_the_page_and_the_component_and_nothing_else(template: str, toolchain: Toolchain) -> None:
    files = set(collect_files(scaffold(template, toolchain)))
    page = {name for name in files if name.startswith("ui/")}
    assert files - page == {"manifest.json"} | (set() if template == "page" else {"dist/main.wasm"})
    assert "ui/index.html" in page
    assert {Path(name).suffix for name in page} == {".html", ".css", ".js"}
