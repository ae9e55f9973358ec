"""What the processes of the platform import: their start and their memory are mostly that."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A database object, because its drivers are imported with it.
SCRIPT = """
import sys
import {module}
from holdfast.records.database.database import Database
Database("sqlite:///{file}")
print(*sys.modules)
"""
NOT_OF_THE_PLATFORM = {"wasmtime", "prometheus_client", "holdfast.engine", "holdfast.hostcalls", "holdfast.runner.services"}
NOT_ON_SQLITE = {"psycopg"}


@pytest.mark.parametrize("module", ["holdfast.platform.application", "holdfast.platform.__main__"])
def test_a_platform_on_sqlite_imports_neither_the_engine_nor_another_database(
    module: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("data") / "holdfast.db"
    done = subprocess.run([sys.executable, "-c", SCRIPT.format(module=module, file=file)], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "holdfast.gateway.services" in imported
    assert imported & (NOT_OF_THE_PLATFORM | NOT_ON_SQLITE) == set()


def test_what_starts_before_the_runner_imports_neither_the_database_nor_the_gateway() -> None:
    script = "import sys, holdfast.cli.commands.up; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "holdfast.platform.supervisor" in imported
    assert imported & {"sqlalchemy", "starlette", "uvicorn", "jinja2", "holdfast.gateway.services", "holdfast.console"} == set()
