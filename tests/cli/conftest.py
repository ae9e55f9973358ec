"""An extension with a component, and a platform that runs it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from holdfast.cli import main
from tests.cli.command_runner import Done, Platform, clean_environment, write_extension
from tests.engine.guests import RETURN, assemble, module


@pytest.fixture(scope="session")
def component() -> bytes:
    """A component whose handler answers 200 `ok`."""
    return assemble(module(RETURN)).read_bytes()


@pytest.fixture
def extension(tmp_path: Path, component: bytes) -> Path:
    return write_extension(tmp_path / "sample", component=component)


@pytest.fixture
def platform(tmp_path: Path, extension: Path) -> Iterator[Platform]:
    """A platform that is starting, with the extension given."""
    with Platform(tmp_path, extension) as starting:
        yield starting


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """`command(*arguments, **variables)` runs one command in this process, in the test's folder: for commands that leave nothing behind."""
    monkeypatch.chdir(tmp_path)
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)

    def run(*arguments: str | Path, **variables: str) -> Done:
        with monkeypatch.context() as within:
            for name, value in variables.items():
                within.setenv(name, value)
            code = main.run([*map(str, arguments)])
        output = capsys.readouterr()
        return Done(code, output.out, output.err)

    return run
