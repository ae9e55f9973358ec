"""The platform as a newcomer starts it, with the sample extensions, shared by the tests of a run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from msgspec import Struct

from tests.cli.commands import Platform, run

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
    said: Callable[[], str]

    def client(self, **headers: str) -> httpx2.Client:
        """A client of the gateway with the API key."""
        return httpx2.Client(
            base_url=self.console, headers={"authorization": f"Bearer {self.api_key}"} | headers, timeout=60, trust_env=False
        )

    def command(self, *arguments: str | Path) -> Any:
        """A command of the command line against this platform."""
        return run(*arguments, "--data-dir", self.folder / "data", cwd=self.folder)


@pytest.fixture(scope="session")
def platform(built: Callable[[str], Path]) -> Iterator[Running]:
    samples = [built(name) for name in SAMPLES]
    with tempfile.TemporaryDirectory() as folder, Platform(Path(folder), *samples) as starting:
        told = starting.ready()
        yield Running(folder=Path(folder), said=starting.said, **told)
