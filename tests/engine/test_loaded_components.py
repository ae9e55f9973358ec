"""Components in memory: within two limits, and one that was dropped returns without being hashed or compiled again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from holdfast.engine import Engine, Limits
from holdfast.engine.compiling import artifacts
from holdfast.engine.loaded_components import OVERHEAD_BYTES, LoadedComponents, memory_budget
from tests.engine import guests
from tests.engine.conftest import RecordingHost, request
from tests.engine.guests import RETURN, module

GUESTS = [guests.assemble(module(RETURN, response=guests.response_record(status, None))) for status in (201, 202, 203)]


class Fake(Struct):
    sha256: str
    file_bytes: int


def test_the_least_recently_used_leaves_first() -> None:
    loaded = LoadedComponents[Fake](max_count=2, max_bytes=1 << 40)
    for name in "ab":
        loaded.add(Fake(name, 10))
    assert loaded.get("a")
    loaded.add(Fake("c", 10))
    assert [bool(loaded.get(name)) for name in "abc"] == [True, False, True]
    assert (len(loaded), loaded.bytes) == (2, 2 * (10 + OVERHEAD_BYTES))


def test_a_large_component_takes_the_place_of_several_small_ones() -> None:
    loaded = LoadedComponents[Fake](max_count=100, max_bytes=4 * OVERHEAD_BYTES)
    for name in "abcd":
        loaded.add(Fake(name, 0))
    assert len(loaded) == 4
    loaded.add(Fake("e", OVERHEAD_BYTES * 2))
    assert [bool(loaded.get(name)) for name in "abcde"] == [False, False, False, True, True]
    loaded.add(Fake("f", OVERHEAD_BYTES * 9))
    assert (len(loaded), bool(loaded.get("f"))) == (1, True)  # larger than all: it must run all the same
    loaded.clear()
    assert (len(loaded), loaded.bytes) == (0, 0)


def test_the_budget_is_shared_by_the_processes() -> None:
    assert memory_budget(1) > 0
    assert abs(memory_budget(4) * 4 - memory_budget(1)) < 8


class Counts(Struct):
    hashes: list[str]
    loads: list[int]


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    counted = Counts([], [])
    real = artifacts._sha256

    def counting(file: Path) -> str:
        counted.hashes.append(file.name)
        return real(file)

    monkeypatch.setattr(artifacts, "_sha256", counting)
    return counted


@pytest.fixture
async def opened(tmp_path: Path, counts: Counts) -> AsyncIterator[Callable[..., Awaitable[Engine]]]:
    """Opens an engine on artifacts that are compiled already."""
    first = Engine(tmp_path, pool=False)
    for wasm in GUESTS:
        await first.load(wasm, guests.sha256(wasm))
    await first.close()
    async with AsyncExitStack() as closing:

        async def open_engine(**options: Any) -> Engine:
            engine = Engine(tmp_path, pool=False, **options)
            closing.push_async_callback(engine.close)
            engine.on_load = lambda: counts.loads.append(1)
            counts.hashes.clear()
            return engine

        yield open_engine


async def in_turn(engine: Engine, rounds: int) -> None:
    for _ in range(rounds):
        for wasm, status in zip(GUESTS, (201, 202, 203), strict=True):
            component = await engine.load(wasm, guests.sha256(wasm))
            outcome = await engine.execute(component, request(), RecordingHost(), Limits(timeout_ms=60_000))
            assert outcome.response is not None and outcome.response.status == status


async def test_components_within_the_limits_are_loaded_once(opened: Callable[..., Awaitable[Engine]], counts: Counts) -> None:
    await in_turn(await opened(max_components=3), 3)
    assert (len(counts.loads), len(counts.hashes)) == (3, 3)


@pytest.mark.parametrize("limits", [{"max_components": 2}, {"max_component_bytes": 2 * OVERHEAD_BYTES + 60_000}], ids=["count", "bytes"])
async def test_beyond_a_limit_components_are_loaded_again_but_never_hashed_again(
    opened: Callable[..., Awaitable[Engine]], counts: Counts, limits: dict[str, int]
) -> None:
    await in_turn(await opened(**limits), 3)
    assert len(counts.loads) == 9  # in turn, each one pushes out the next
    assert len(counts.hashes) == 3
