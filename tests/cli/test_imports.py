"""Commands that must answer at once import only what they use. No time is measured here; `bench/command.py` does that."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command_runner import clean_environment, run, write_extension
from tests.waiting import MAX_WAIT_SECONDS

SCRIPT = """
import json, os, sys
from holdfast.cli import main
code = main.run(sys.argv[1:])
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
raise SystemExit(code)
"""

HEAVY = {
    "alembic",
    "aiosqlite",
    "argon2",
    "cryptography",
    "httpx2",
    "jinja2",
    "jsonschema_rs",
    "obstore",
    "psycopg",
    "pydantic_settings",
    "redis",
    "rich.table",
    "sqlalchemy",
    "starlette",
    "structlog",
    "uvicorn",
    "wasmtime",
    "zstandard",
}
OURS = {f"holdfast.{name}" for name in ("author", "bundles", "console", "engine", "gateway", "hostcalls", "logs", "runner", "storage")}


def imported_by(folder: Path, *arguments: str) -> tuple[str, set[str]]:
    """What a command prints, and the modules that it has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *arguments],
        cwd=folder,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=True,
    )
    return done.stdout, set(json.loads(done.stderr))


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], []])
def test_the_root_help_imports_no_library_and_no_command(tmp_path: Path, arguments: list[str]) -> None:
    printed, modules = imported_by(tmp_path, *arguments)
    assert printed.startswith("Usage: holdfast COMMAND")
    assert not modules & (HEAVY | OURS | {"asyncio", "cyclopts", "msgspec", "pydantic", "rich", "uvloop"})
    assert not [name for name in modules if name.startswith("holdfast.cli.commands.")]


@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"]])
def test_list_imports_no_database_library_and_no_engine(tmp_path: Path, arguments: list[str]) -> None:
    project = write_extension(tmp_path / "pages")
    assert run("install", project, cwd=tmp_path).returncode == 0
    printed, modules = imported_by(tmp_path, *arguments)
    assert "com.example.sample" in printed
    assert not modules & (HEAVY | OURS | {"holdfast.records.database", "holdfast.registry.models"})


def test_the_help_of_a_command_imports_only_that_command(tmp_path: Path) -> None:
    _, modules = imported_by(tmp_path, "list", "--help")
    assert [name for name in modules if name.startswith("holdfast.cli.commands.")] == ["holdfast.cli.commands.list_installs"]
    assert not modules & (HEAVY | OURS | {"pydantic"})
