"""The allocator is chosen by measuring, once per machine; what cannot be used is not chosen."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.engine import Engine, Limits, allocator_choice
from holdfast.engine.allocator_choice import CANDIDATES, Choice, choose, choose_allocator, machine_key, measure, pool_sizes
from holdfast.engine.capi import EngineUnusable, NativeEngine, PoolSizes
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings
from holdfast.settings.settings import InvalidSettings
from tests.engine import guests
from tests.engine.conftest import RecordingHost, request
from tests.engine.guests import RETURN, module
from tests.waiting import MAX_WAIT_SECONDS

MIB = 1 << 20


@pytest.mark.parametrize(
    ("seconds", "chosen"),
    [
        ([1.94, 1.5, 1.0], 2 * MIB),
        ([0.96, 1.0, 1.2], None),
        ([1.0, 0.7, 0.69], 0),  # not worth the memory
        ([1.0, 0.97, 0.96], None),
        ([1.0, None, None], None),
        ([1.0, None, 0.5], 2 * MIB),
    ],
)
def test_more_memory_must_be_worth_it(seconds: list[float | None], chosen: int | None) -> None:
    assert choose((None, 0, 2 * MIB), seconds) == chosen


@pytest.mark.parametrize(
    ("resident", "warm_bytes", "slots"),
    [
        (2 * MIB, 1 << 30, 512),
        (2 * MIB, 16 * MIB, 32),  # never fewer
        (2 * MIB, 1 << 40, 2_048),  # all
        (0, 0, 2_048),  # they cost nothing
    ],
)
def test_as_many_slots_stay_warm_as_the_memory_allows(resident: int, warm_bytes: int, slots: int) -> None:
    sizes = pool_sizes(256, resident, warm_bytes)
    assert (sizes.instances, sizes.linear_memory_keep_resident, sizes.unused_warm_slots) == (256, resident, slots)


async def test_components_that_are_called_in_turn_keep_their_memory(tmp_path: Path) -> None:
    """Where slots are too few for all of them, each call clears the memory of another component and maps its own."""
    faults = [await _faults_a_call(tmp_path, warm_bytes) for warm_bytes in (1 << 30, 0)]
    assert faults[0] < 1 <= faults[1]


async def _faults_a_call(root: Path, warm_bytes: int) -> float:
    """Page faults of a call of one of 40 components in turn: the least of several rounds, because the test itself has some."""
    engine = Engine(root, pool=pool_sizes(64, 2 * MIB, warm_bytes), pool_instances=64)
    wasm = guests.assemble(module(RETURN))
    components = []
    for _ in range(40):
        components.append(await engine.load(wasm, guests.sha256(wasm)))
        engine._loaded.clear()  # so that it is loaded again, as another component would be
    rounds = []
    for _ in range(6):
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        for component in components:
            await engine.execute(component, request(), RecordingHost(), Limits(timeout_ms=60_000))
        rounds.append(resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before)
    await engine.close()
    return min(rounds) / len(components)


async def test_every_candidate_is_measured_and_the_chosen_one_runs_calls(tmp_path: Path) -> None:
    choice = await measure(8)
    assert choice.resident_bytes in CANDIDATES
    assert all(one is not None and one > 0 for one in choice.microseconds)
    for resident in CANDIDATES:
        pool = Choice(resident, []).pool(8, 0)
        assert (resident is None) == (pool is None)
        assert pool is None or (pool.instances, pool.linear_memory_keep_resident) == (8, resident)
        engine = Engine(tmp_path, pool=pool or False, pool_instances=8)
        wasm = guests.assemble(module(RETURN))
        outcome = await engine.execute(await engine.load(wasm, guests.sha256(wasm)), request(), RecordingHost(), Limits(timeout_ms=60_000))
        assert outcome.response is not None and outcome.response.status == 200
        await engine.close()


async def test_a_pool_that_cannot_be_reserved_is_not_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    def reserve(pool: PoolSizes | None) -> NativeEngine:
        if pool is not None:
            raise EngineUnusable("no addresses left")
        return NativeEngine(None)

    monkeypatch.setattr(allocator_choice, "NativeEngine", reserve)
    choice = await measure(8, (None, 0))
    assert choice.resident_bytes is None
    assert choice.microseconds[1] is None


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The measurements that are made, which all choose a pool without resident memory."""
    instances: list[int] = []

    async def counting(count: int) -> Choice:
        instances.append(count)
        return Choice(0, [2.0, 1.0, 1.0])

    monkeypatch.setattr(allocator_choice, "measure", counting)
    return instances


async def test_a_machine_measures_once(tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "artifacts"
    assert [(await choose_allocator(root, 8)).resident_bytes for _ in range(3)] == [0, 0, 0]
    assert measured == [8]
    (file,) = root.iterdir()
    assert file.name == f"allocator-{machine_key()}.json"
    for damaged in (b"", b'{"resident_bytes": 7, "microseconds": []}', b"[]"):
        file.write_bytes(damaged)
        assert (await choose_allocator(root, 8)).resident_bytes == 0
    assert measured == [8] * 4
    monkeypatch.setattr(allocator_choice, "VERSION", "another")
    await choose_allocator(root, 8)
    assert measured == [8] * 5


async def test_a_folder_that_cannot_be_written_is_no_error_here(tmp_path: Path, measured: list[int]) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert (await choose_allocator(tmp_path / "file" / "artifacts", 8)).resident_bytes == 0


@pytest.mark.parametrize(("setting", "pooled", "measurements"), [("auto", True, 1), (True, True, 0), (False, False, 0)])
async def test_the_setting_decides_or_lets_the_measurement_decide(
    tmp_path: Path, measured: list[int], monkeypatch: pytest.MonkeyPatch, setting: Any, pooled: bool, measurements: int
) -> None:
    pools: list[PoolSizes | None] = []
    real = Engine.__init__

    def recording(self: Engine, root: Path, *, pool: bool | PoolSizes = True, **more: Any) -> None:
        pools.append(pool if isinstance(pool, PoolSizes) else PoolSizes() if pool else None)
        real(self, root, pool=pool, **more)

    monkeypatch.setattr(Engine, "__init__", recording)
    fields: dict[str, Any] = {"_env_file": None, "data_dir": tmp_path, "runner_service_token": "t", "engine_pool_instances": 8}
    services = await RunnerServices.open(Settings(**fields, engine_pool=setting))
    await services.close()
    assert [pool is not None for pool in pools] == [pooled]
    assert len(measured) == measurements
    if setting == "auto":
        assert pools[0] is not None and pools[0].linear_memory_keep_resident == 0


def test_the_largest_pool_that_the_settings_allow_can_be_reserved() -> None:
    """In a process of its own: Wasmtime ends a process whose pool does not fit."""
    with pytest.raises(InvalidSettings):
        Settings(engine_pool_instances=2_049)
    script = "from holdfast.engine.capi import NativeEngine, PoolSizes; NativeEngine(PoolSizes(instances=2_048)).close()"
    subprocess.run([sys.executable, "-c", script], check=True, timeout=MAX_WAIT_SECONDS)
