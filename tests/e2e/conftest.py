"""The platform as a new user starts it, with the sample extensions, shared by the tests of a worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import Platform
from tests.e2e.running_platform import RunningPlatform
from tests.records.databases import KINDS
from tests.records.postgres import PostgresServer

SAMPLES = ("hello-world", "notes", "notes-python")


@pytest.fixture(scope="session", params=KINDS[:1])
def platform(
    built: Callable[[str], Path], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPlatform]:
    """On SQLite, as on a laptop; on PostgreSQL when `HOLDFAST_TEST_DATABASE=postgres` selects that alone."""
    samples = [built(name) for name in SAMPLES]
    with ExitStack() as open_blocks:
        # Half of the default, because one test waits for it; still a hundred times what a call of these extensions takes.
        variables: dict[str, Any] = {"EXT_GATEWAY_TIMEOUT_MS": "15000"}
        if request.param == "postgres":
            server: PostgresServer = request.getfixturevalue("postgres")
            variables["DATABASE_URL"] = open_blocks.enter_context(server.empty())
        folder = tmp_path_factory.mktemp("platform")
        process = open_blocks.enter_context(Platform(folder, *samples, **variables))
        yield RunningPlatform(folder=folder, log=process.stderr_text, variables=variables, **process.ready())
