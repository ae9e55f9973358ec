"""A platform that is ready, and what a test does with it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from msgspec import Struct
from sqlalchemy import create_engine, text

from tests.cli.command_runner import run
from tests.waiting import MAX_WAIT_SECONDS


class RunningPlatform(Struct, frozen=True):
    """The fields are those that `holdfast up --json` prints, and where the platform keeps its data."""

    folder: Path
    console: str
    runner: str
    tenant: str
    email: str
    password: str
    api_key: str
    variables: dict[str, str]
    """The environment of the platform and of its commands: where the database is, unless it is in the folder."""
    log: Callable[[], str]

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def client(self, **headers: str) -> httpx2.Client:
        """A client of the gateway with the API key."""
        sent = {"authorization": f"Bearer {self.api_key}"} | headers
        return httpx2.Client(base_url=self.console, headers=sent, timeout=MAX_WAIT_SECONDS, trust_env=False)

    def command(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Runs a command on this platform's data folder."""
        return run(*arguments, "--data-dir", self.data_dir, cwd=self.folder, **self.variables)

    @property
    def database_url(self) -> str:
        return self.variables.get("DATABASE_URL", f"sqlite:///{self.data_dir / 'holdfast.db'}")

    def execute(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Executes an SQL statement in the platform's database, with `values` for its parameters. Returns its rows, if it has any."""
        engine = create_engine(self.database_url)
        with engine.begin() as connection:
            result = connection.execute(text(statement), values)
            rows = [tuple(row) for row in result] if result.returns_rows else []
        engine.dispose()
        return rows
