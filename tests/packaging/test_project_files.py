"""The files that a forge and contributors' tools read are valid, and name only commands and files that exist."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import yaml

ROOT = Path(__file__).parents[2]
YAML_FILES = [*sorted((ROOT / ".github").rglob("*.yml")), ROOT / ".pre-commit-config.yaml"]
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))


def read(file: Path) -> dict[str, Any]:
    content = yaml.decode(file.read_bytes())
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize("file", YAML_FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_a_file_of_the_forge_is_valid_yaml(file: Path) -> None:
    assert read(file)


def test_the_workflow_runs_targets_of_the_makefile_only() -> None:
    jobs = read(ROOT / ".github" / "workflows" / "test.yml")["jobs"].values()
    commands = [step["run"] for job in jobs for step in job["steps"] if "run" in step]
    assert commands
    for command in commands:
        found = re.match(r"make ([a-z-]+)", command)
        assert found is not None
        assert found[1] in TARGETS


def test_setup_compiles_the_sources_whatever_the_environment_says(tmp_path: Path) -> None:
    """With PYTHONDONTWRITEBYTECODE, no process keeps what it compiles: only the setup can."""
    plan = subprocess.run(["make", "--dry-run", "--always-make", "setup"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [line.split(" || ")[0].removeprefix("@").split() for line in plan.splitlines() if "compileall" in line]
    assert [command[-1] for command in commands] == [".venv/lib", "src/holdfast"]
    (tmp_path / "module.py").write_text("answer = 42\n")
    command = [sys.executable, *commands[-1][1:-1], str(tmp_path)]
    subprocess.run(command, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=True)
    assert list(tmp_path.glob("__pycache__/module.*.pyc"))


def test_hooks_run_programs_of_the_project_and_download_nothing() -> None:
    for repository in read(ROOT / ".pre-commit-config.yaml")["repos"]:
        assert repository["repo"] == "local"
        for hook in repository["hooks"]:
            assert hook["language"] == "system"
            program = hook["entry"].split()[0]
            assert program.startswith(".venv/bin/") or (ROOT / program).is_file()


def test_every_declared_python_is_in_the_workflow() -> None:
    declared = set(re.findall(r"Programming Language :: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text()))
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert declared
    assert all(f'"{version}"' in workflow for version in declared)


def test_the_changelog_has_a_section_for_the_version_or_for_what_comes_next() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    version = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None
    assert f"## [{version[1]}]" in changelog or "## [Unreleased]" in changelog
