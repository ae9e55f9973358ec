"""The engine's measures, each as a ratio against a baseline of the same run. `python -m bench.engine [--quick]`."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Literal

import psutil

from bench import baselines
from holdfast.engine import Component, Engine, FailureCode, Limits
from holdfast.engine.allocator_choice import cpu_model
from holdfast.engine.capi import VERSION, PoolSizes
from holdfast.world.functions import Function
from holdfast.world.types import ContextData, ExecuteRequest, HttpRequest
from tests.engine import guests, toolchains
from tests.engine.guests import RETURN, module

ROOT = Path(__file__).parents[1]
ARTIFACTS = ROOT / "build" / "artifacts"
QUICK = "--quick" in sys.argv
SECONDS = 0.2 if QUICK else 0.5
ROUNDS = 5 if QUICK else 15
POOL_INSTANCES = 512
CONTEXT = ContextData("request", "tenant", "extension", "install", "version")
ECHO = module(
    "(i64.store (i32.const 1036) (i64.load (i32.add (local.get $request) (i32.const 76))))"
    "(i32.store (i32.const 1044) (i32.load (i32.add (local.get $request) (i32.const 84))))" + RETURN
)
LOG = '(import "alga:extension/logging" "log-info" (func $log (param i32 i32)))'


def request(url: str = "/hello", body: bytes | None = None) -> ExecuteRequest:
    return ExecuteRequest(CONTEXT, HttpRequest("GET", url, [], body))


class Host:
    """Answers log lines after a delay, and nothing else."""

    def __init__(self, delay: float = 0) -> None:
        self._delay = delay

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        await asyncio.sleep(self._delay)
        return None

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        pass


def rate(call: Callable[[], object]) -> float:
    """Calls a second of a plain function."""
    call()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        call()
        count += 1
    return count / (time.perf_counter() - started)


async def rate_of(call: Callable[[], Awaitable[object]]) -> float:
    """Calls a second of a coroutine function, one after the other."""
    await call()
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < SECONDS:
        await call()
        count += 1
    return count / (time.perf_counter() - started)


class Rates:
    """Rates of contestants that were measured in turn, so that a disturbance of the machine meets all of them."""

    def __init__(self, rates: dict[str, list[float]]) -> None:
        self.median = {name: statistics.median(values) for name, values in rates.items()}
        self._rates = rates

    def ratio(self, one: str, other: str) -> float:
        """The median, over the rounds, of how many times faster one was than the other in the same round."""
        return round(statistics.median(a / b for a, b in zip(self._rates[one], self._rates[other], strict=True)), 2)


async def interleaved(contestants: dict[str, Callable[[], Awaitable[float]]]) -> Rates:
    rates: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        for name, measure in contestants.items():
            rates[name].append(await measure())
    return Rates(rates)


def in_loop(call: Callable[[], object]) -> Callable[[], Awaitable[float]]:
    async def measure() -> float:
        return rate(call)

    return measure


def executing(engine: Engine, component: Component, sent: ExecuteRequest, limits: Limits | None = None) -> Callable[[], Awaitable[float]]:
    host, given = Host(), limits or Limits()

    async def call() -> None:
        outcome = await engine.execute(component, sent, host, given)
        assert outcome.failure is None, outcome.failure

    async def measure() -> float:
        return await rate_of(call)

    return measure


async def loaded(engine: Engine, wasm: Path) -> Component:
    return await engine.load(wasm, guests.sha256(wasm))


async def fresh_calls(pooled: Engine, unpooled: Engine) -> dict[str, Any]:
    wasm = toolchains.build("hello (QuickJS)")
    sent = request()
    rates = await interleaved(
        {
            "ours": executing(pooled, await loaded(pooled, wasm), sent),
            "bare": in_loop(baselines.bare_c_api(wasm, sent, PoolSizes(instances=POOL_INSTANCES))),
            "ours unpooled": executing(unpooled, await loaded(unpooled, wasm), sent),
            "package": in_loop(baselines.public_api(wasm, sent)),
        }
    )
    return {
        "calls a second": {name: round(value) for name, value in rates.median.items()},
        "slower than the bare C API by": rates.ratio("bare", "ours"),
        "pool makes it faster by": rates.ratio("ours", "ours unpooled"),
        "faster than the package, unpooled, by": rates.ratio("ours", "package"),
    }


async def starlingmonkey(pooled: Engine) -> dict[str, Any]:
    wasm = toolchains.build("hello (StarlingMonkey)")
    component = await loaded(pooled, wasm)
    ours = statistics.median([await executing(pooled, component, request())() for _ in range(ROUNDS)])
    compiling = baselines.compile_seconds(wasm)
    return {
        "calls a second": round(ours),
        "compiling once, s": round(compiling, 2),
        "faster than compiling per call by": round(compiling * ours),
    }


async def waiting_calls(pooled: Engine) -> dict[str, Any]:
    component = await loaded(pooled, guests.assemble(module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG)))
    host = Host(0.2)
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        outcomes = await asyncio.gather(*[pooled.execute(component, request(), host, Limits()) for _ in range(500)])
        times.append(time.perf_counter() - started)
        assert all(outcome.response for outcome in outcomes)
    return {"500 calls that wait 200 ms, s in all": round(statistics.median(times), 3)}


async def echoes(pooled: Engine) -> dict[str, Any]:
    wasm = guests.assemble(ECHO)
    component = await loaded(pooled, wasm)
    result = {}
    for name, size in (("64 KiB", 65_536), ("1 MiB", 1 << 20)):
        sent = request(body=bytes(range(256)) * (size // 256))
        outcome = await pooled.execute(component, sent, Host(), Limits(timeout_ms=60_000))
        assert outcome.response is not None and outcome.response.body == sent.http.body
        ours, package = [], []
        direct = baselines.public_api(wasm, sent)
        for _ in range(ROUNDS):
            started = time.perf_counter()
            await pooled.execute(component, sent, Host(), Limits(timeout_ms=60_000))
            ours.append(time.perf_counter() - started)
            started = time.perf_counter()
            direct()
            package.append(time.perf_counter() - started)
        result[name] = {
            "ms": round(statistics.median(ours) * 1000, 1),
            "package ms": round(statistics.median(package) * 1000, 1),
            "faster than the package's conversion by": round(statistics.median(package) / statistics.median(ours), 1),
        }
    return result


async def deadlines(pooled: Engine, folder: Path) -> dict[str, Any]:
    from tests.engine.test_wasi import SLEEP, System

    endless = await loaded(pooled, guests.assemble(module("(loop $again (br $again)) " + RETURN)))
    asleep = await System(pooled, folder).load(module("(call $block (call $sleep (i64.const 86400000000000))) " + RETURN, imports=SLEEP))
    waits = await loaded(pooled, guests.assemble(module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG)))
    late: dict[str, float] = {}
    for name, component in (("endless loop", endless), ("guest sleep", asleep), ("host wait", waits)):
        for deadline in (50, 200, 1000):
            outcomes = [await pooled.execute(component, request(), Host(3600), Limits(timeout_ms=deadline)) for _ in range(ROUNDS)]
            assert all(outcome.failure and outcome.failure.code is FailureCode.DEADLINE for outcome in outcomes)
            late[f"{name}, {deadline} ms"] = round(statistics.median(outcome.duration_ms for outcome in outcomes) - deadline, 1)
    return {"late by, ms": late, "latest, ms": max(late.values())}


FIRST_CALL = """
import asyncio, sys, time
from pathlib import Path
from bench.engine import Engine, Host, Limits, request
async def main():
    started = time.perf_counter()
    engine = Engine(Path(sys.argv[1]))
    component = await engine.load(Path(sys.argv[2]), sys.argv[3])
    outcome = await engine.execute(component, request(), Host(), Limits())
    assert outcome.response
    print((time.perf_counter() - started) * 1000)
    await engine.close()
asyncio.run(main())
"""


def first_call() -> dict[str, Any]:
    wasm = toolchains.build("hello (QuickJS)")
    command = [sys.executable, "-c", FIRST_CALL, str(ARTIFACTS), str(wasm), guests.sha256(wasm)]
    times = [float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout) for _ in range(ROUNDS)]
    return {"first call of a new process, artifact on disk, ms": round(statistics.median(times), 1)}


async def resident_memory(pooled: Engine) -> dict[str, Any]:
    component = await loaded(pooled, toolchains.build("hello (QuickJS)"))
    process, host, limits, sent = psutil.Process(), Host(), Limits(), request()
    calls = 10_000 if QUICK else 100_000

    async def some(count: int) -> None:
        for _ in range(count // 8):
            await asyncio.gather(*[pooled.execute(component, sent, host, limits) for _ in range(8)])

    await some(5_000)
    before = process.memory_info().rss
    await some(calls - 5_000)
    return {"calls": calls, "resident memory grows by, %": round((process.memory_info().rss / before - 1) * 100, 2)}


async def beside_computing_guests(pooled: Engine) -> dict[str, Any]:
    endless = await loaded(pooled, guests.assemble(module("(loop $again (br $again)) " + RETURN)))
    good = await loaded(pooled, toolchains.build("hello (QuickJS)"))
    milliseconds = 2_000 if QUICK else 8_000
    hostile = [asyncio.create_task(pooled.execute(endless, request(), Host(), Limits(timeout_ms=milliseconds))) for _ in range(4)]
    await asyncio.sleep(0.05)
    times: list[float] = []
    while not all(task.done() for task in hostile) and len(times) < 300:
        outcome = await pooled.execute(good, request(), Host(), Limits())
        assert outcome.failure is None
        times.append(outcome.duration_ms)
    for task in hostile:
        task.cancel()
    await asyncio.gather(*hostile, return_exceptions=True)
    return {
        "calls": len(times),
        "median ms": round(statistics.median(times), 1),
        "p99 ms": round(statistics.quantiles(times, n=100)[98], 1),
    }


async def run() -> dict[str, Any]:
    pooled, unpooled = Engine(ARTIFACTS, pool_instances=POOL_INSTANCES), Engine(ARTIFACTS, pool=False)
    with tempfile.TemporaryDirectory() as folder:
        measured = {
            "fresh instance per call, QuickJS hello": await fresh_calls(pooled, unpooled),
            "the same, StarlingMonkey hello": await starlingmonkey(pooled),
            "calls that wait": await waiting_calls(pooled),
            "echo": await echoes(pooled),
            "deadlines": await deadlines(pooled, Path(folder)),
            "cold start": first_call(),
            "memory": await resident_memory(pooled),
            "beside four guests that compute without end": await beside_computing_guests(pooled),
        }
    await pooled.close()
    await unpooled.close()
    machine = (
        f"{cpu_model()}, {os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}, Wasmtime {VERSION}"
    )
    return {"machine": machine, "quick": QUICK, "measured": measured}


def main() -> None:
    result = asyncio.run(run())
    print(json.dumps(result, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
