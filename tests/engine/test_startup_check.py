"""The startup check names what a changed wasmtime no longer does."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.engine import Engine, capi, startup_check
from holdfast.engine.capi import EngineUnusable, NativeEngine, PoolSizes, calls, prototypes
from holdfast.engine.values import layout as values


@pytest.mark.parametrize("pool", [None, PoolSizes(instances=4)], ids=["on demand", "pooled"])
async def test_the_installed_wasmtime_passes(pool: PoolSizes | None) -> None:
    engine = NativeEngine(pool)
    await startup_check.check_wasmtime(engine)
    engine.close()
    assert not calls.running_calls and not calls.pending


def test_a_missing_entry_point_is_named() -> None:
    with pytest.raises(EngineUnusable, match="wasmtime_no_such_function"):
        prototypes.entry_point("wasmtime_no_such_function", None)


async def test_a_changed_memory_layout_is_named_before_any_guest_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(startup_check, "BYTES_HEADER", values.BYTES_HEADER - 8)
    engine = Engine(tmp_path, pool=False)
    with pytest.raises(EngineUnusable, match="memory layout of bytes objects"):
        await engine.check_wasmtime()
    await engine.close()


async def test_a_host_function_that_is_not_awaited_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    def returns_at_once(call: capi.NativeCall, args: int, results: int) -> None:
        return None

    monkeypatch.setattr(startup_check, "_wait", returns_at_once)
    engine = NativeEngine(None)
    with pytest.raises(EngineUnusable, match="calling asynchronously"):
        await startup_check.check_wasmtime(engine)
    engine.close()
