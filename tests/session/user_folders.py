"""Gives each test a state folder and a data folder of the user of its own, so that no test finds the platforms of another."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

VARIABLES = {"XDG_STATE_HOME": "state", "XDG_DATA_HOME": "share"}
_numbers = itertools.count()


def _use(base: Path) -> None:
    # Only names: code that needs a folder makes it.
    os.environ.update({variable: str(base / name) for variable, name in VARIABLES.items()})


@pytest.fixture(scope="session", autouse=True)
def _user_folders_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """For fixtures that live longer than a test."""
    before = {variable: os.environ.get(variable) for variable in VARIABLES}
    _use(tmp_path_factory.getbasetemp() / "user")
    yield
    for variable, value in before.items():
        if value is None:
            os.environ.pop(variable, None)
        else:
            os.environ[variable] = value


@pytest.fixture(autouse=True)
def _user_folders(tmp_path_factory: pytest.TempPathFactory, _user_folders_of_the_session: None) -> Iterator[None]:
    base = tmp_path_factory.getbasetemp()
    _use(base / f"user-{next(_numbers)}")
    yield
    _use(base / "user")
