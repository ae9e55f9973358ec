"""Tests of calls run with the fast path on SQLite, and through ASGI on PostgreSQL: neither depends on the other.

The long run has all four pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import new_database
from tests.gateway.platform import Front
from tests.session.effort import repetitions

PAIRS: list[tuple[Front, str]] = [("fast", "sqlite"), ("asgi", "postgres"), ("fast", "postgres"), ("asgi", "sqlite")]
Pair = tuple[Front, str]


@pytest.fixture(params=PAIRS[: repetitions(2, long=4)], ids="-".join)
def front_and_database(request: pytest.FixtureRequest) -> Pair:
    pair: Pair = request.param
    return pair


@pytest.fixture
def front(front_and_database: Pair) -> Front:
    return front_and_database[0]


@pytest.fixture
def database_url(front_and_database: Pair, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_database(front_and_database[1], request, tmp_path) as url:
        yield url
