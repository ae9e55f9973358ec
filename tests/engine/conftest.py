from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Literal

import pytest

from holdfast.engine import Engine, Limits, Outcome
from holdfast.world.functions import Function
from holdfast.world.types import ContextData, ExecuteRequest, HttpRequest
from tests.engine import guests

CONTEXT = ContextData("request-1", "tenant-1", "extension-1", "install-1", "version-1")
LIMITS = Limits(timeout_ms=60_000)
"""For calls that end by themselves: on a busy machine too, they end before the deadline."""


def request(url: str = "/", *, method: str = "GET", body: bytes | None = None) -> ExecuteRequest:
    return ExecuteRequest(CONTEXT, HttpRequest(method, url, [], body))


class RecordingHost:
    """Runs the given functions for host calls, and records calls and written lines."""

    def __init__(self, **functions: Callable[..., Awaitable[object]]) -> None:
        self.functions = {name.replace("__", ".").replace("_", "-"): function for name, function in functions.items()}
        self.calls: list[tuple[str, tuple[object, ...]]] = []
        self.lines: list[tuple[str, str]] = []

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        self.calls.append((function.id, args))
        run = self.functions.get(function.id)
        if run is not None:
            return await run(*args)
        return CONTEXT if function.id == "context.get-context" else None

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        self.lines.append((stream, line))


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of compiled guests, shared by the tests of a run."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture
async def engine(artifacts: Path) -> AsyncIterator[Engine]:
    engine = Engine(artifacts, pool_instances=64)
    yield engine
    await engine.close()


Run = Callable[..., Awaitable[Outcome]]


@pytest.fixture
def run(engine: Engine) -> Run:
    """Runs a guest from the text of its core module."""

    async def execute(core: str, *, host: RecordingHost | None = None, limits: Limits | None = None, **parts: str | bytes) -> Outcome:
        wasm = guests.assemble(core)
        component = await engine.load(wasm, guests.sha256(wasm))
        return await engine.execute(component, request(), host or RecordingHost(), limits or LIMITS)

    return execute
