"""The platform as a newcomer starts it, with the sample extensions, shared by the tests of a run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import Struct
from sqlalchemy import create_engine, text

from tests.cli.command_runner import Platform, run
from tests.records.databases import KINDS
from tests.records.postgres import PostgresServer
from tests.waiting import MAX_WAIT_SECONDS

ROOT = Path(__file__).parents[2]
SAMPLES = ("hello-world", "notes", "notes-python")
SCREENSHOTS = Path(os.environ.get("HOLDFAST_SCREENSHOTS", ROOT / "build" / "screenshots"))
"""Where the browser test leaves its pictures; `make screenshots` points it at docs/images."""


class Running(Struct, frozen=True):
    """A platform that is ready."""

    folder: Path
    console: str
    runner: str
    tenant: str
    email: str
    password: str
    api_key: str
    variables: dict[str, str]
    """What this platform and its commands find in their environment: where the database is, unless it is in the folder."""
    said: Callable[[], str]

    def client(self, **headers: str) -> httpx2.Client:
        """A client of the gateway with the API key."""
        return httpx2.Client(
            base_url=self.console, headers={"authorization": f"Bearer {self.api_key}"} | headers, timeout=MAX_WAIT_SECONDS, trust_env=False
        )

    def command(self, *arguments: str | Path) -> Any:
        """A command of the command line against this platform."""
        return run(*arguments, "--data-dir", self.folder / "data", cwd=self.folder, **self.variables)

    def execute(self, statement: str) -> None:
        """Runs an SQL statement in the platform's database."""
        url = self.variables.get("DATABASE_URL", f"sqlite:///{self.folder / 'data' / 'holdfast.db'}")
        engine = create_engine(url)
        with engine.begin() as connection:
            connection.execute(text(statement))
        engine.dispose()


@pytest.fixture(scope="session", params=KINDS[:1])
def platform(built: Callable[[str], Path], request: pytest.FixtureRequest) -> Iterator[Running]:
    """On SQLite, as on a laptop; on PostgreSQL when that alone was asked for (`HOLDFAST_TEST_DATABASE=postgres`)."""
    samples = [built(name) for name in SAMPLES]
    with ExitStack() as held:
        variables: dict[str, Any] = {}
        if request.param == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres")
            variables["DATABASE_URL"] = held.enter_context(server.empty())
        folder = Path(held.enter_context(tempfile.TemporaryDirectory()))
        starting = held.enter_context(Platform(folder, *samples, **variables))
        told = starting.ready()
        yield Running(folder=folder, said=starting.said, variables=variables, **told)
