"""An extension with a component, and a platform that runs it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.commands import Platform, write_extension
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
