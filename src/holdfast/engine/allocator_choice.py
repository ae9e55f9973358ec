"""Chooses how instances get their memory: on demand, or from a pool that keeps some memory resident. Measured, because machines differ.

choose_allocator ──▶ result of this machine on disk? ──yes──▶ that one
                            │ no
                            ▼
       probe guest in an engine of each candidate, in turn, for BUDGET_SECONDS ──▶ fastest ──▶ written to disk

On one machine a pool made calls 1.94 times as fast, on another 0.96 times. What counts is how fast the kernel maps, copies and clears
pages: the probe guest touches as many as a small JavaScript engine does.
"""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import time
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog
from msgspec import Struct

from holdfast.engine.call.limits import Limits
from holdfast.engine.capi import MEMORIES, VERSION, EngineUnusable, NativeCall, NativeComponent, NativeEngine, PoolSizes
from holdfast.engine.values.layout import Arena
from holdfast.engine.values.lowering import lowerer
from holdfast.engine.values.types import Primitive

REVISION = 1
"""Increment it with every change of the candidates or the probe, so that machines measure again."""

BUDGET_SECONDS = 0.03
CALLS_PER_ROUND = 4
MIN_ROUNDS = 3
MIN_WARM_SLOTS = 32
MIN_GAIN = 1.05
"""A candidate that holds more memory must be this much faster than one that holds less."""

RESIDENT_BYTES = 2 << 20
CANDIDATES: tuple[int | None, ...] = (None, 0, RESIDENT_BYTES)
"""Bytes of linear memory that each warm slot keeps resident; None for no pool. The ones that hold less memory come first."""

_PAGES, _PAGE_BYTES = 60, 16_384
_PROBE = f"""
(component
  (core module $guest
    (table 1024 funcref)
    (memory (export "memory") 64)
    (data (i32.const 4096) "{"holdfast" * 4096}")
    (func (export "run") (param $pages i32) (result i32)
      (local $at i32)
      (loop $next
        (i32.store (local.get $at) (local.get $pages))
        (local.set $at (i32.add (local.get $at) (i32.const {_PAGE_BYTES})))
        (br_if $next (local.tee $pages (i32.sub (local.get $pages) (i32.const 1)))))
      (local.get $at)))
  (core instance $instance (instantiate $guest))
  (func (export "run") (param "pages" u32) (result u32) (canon lift (core func $instance "run"))))
"""
_LIMITS = Limits(memory_mb=64)
_lower = lowerer(Primitive("u32"))

_log = structlog.get_logger(__name__)


class Choice(Struct, frozen=True):
    """`resident_bytes` is one of CANDIDATES; `microseconds` is the CPU time of one probe call for each of them, in their order.

    A candidate that cannot be used on this machine has none.
    """

    resident_bytes: int | None
    microseconds: list[float | None]

    def pool(self, instances: int, warm_bytes: int) -> PoolSizes | None:
        """The pool for this many instances, or None. `warm_bytes`: see `pool_sizes`."""
        return None if self.resident_bytes is None else pool_sizes(instances, self.resident_bytes, warm_bytes)


def pool_sizes(instances: int, resident_bytes: int, warm_bytes: int) -> PoolSizes:
    """A pool whose unused slots keep at most about `warm_bytes` resident, `resident_bytes` each.

    A call is fast in a slot that its own component used before; in another one, what another component left there is cleared and its own
    memory is mapped.
    So the pool has as many warm slots as fit, and never fewer than MIN_WARM_SLOTS. A component needs one for each of its memories.
    """
    most = instances * MEMORIES
    slots = most if resident_bytes == 0 else warm_bytes // resident_bytes
    return PoolSizes(
        instances=instances, linear_memory_keep_resident=resident_bytes, unused_warm_slots=min(max(slots, MIN_WARM_SLOTS), most)
    )


def cpu_model() -> str:
    """The processor's name, as the kernel reports it."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def machine_key() -> str:
    """Identifies what the measurement depends on: processor, number of cores, kernel, Wasmtime, and the measurement itself."""
    parts = (cpu_model(), os.cpu_count(), platform.release(), VERSION, REVISION)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


async def choose_allocator(root: Path, instances: int) -> Choice:
    """The choice of this machine, from the file below `root` or measured now; that takes about 30 ms."""
    file = root / f"allocator-{machine_key()}.json"
    with suppress(OSError, msgspec.DecodeError):
        saved = msgspec.json.decode(file.read_bytes(), type=Choice)
        if saved.resident_bytes in CANDIDATES:
            return saved
    choice = await measure(instances)
    _log.info("the engine's memory allocator was measured", resident_bytes=choice.resident_bytes, microseconds=choice.microseconds)
    _save(choice, file)
    return choice


def _save(choice: Choice, file: Path) -> None:
    # A folder that cannot be written is reported by the engine, which needs it too.
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        temporary = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
        temporary.write_bytes(msgspec.json.encode(choice))
        temporary.replace(file)


async def measure(instances: int, candidates: tuple[int | None, ...] = CANDIDATES) -> Choice:
    """Runs the probe guest with each of the candidates."""
    probes = [_open(resident, instances) for resident in candidates]
    deadline = time.perf_counter() + BUDGET_SECONDS
    rounds = 0
    # In turn and not one after the other: what else runs on the machine then disturbs all of them.
    while rounds < MIN_ROUNDS or time.perf_counter() < deadline:
        for probe in probes:
            if probe is not None:
                await probe.run()
        rounds += 1
    times = [None if probe is None else probe.close() for probe in probes]
    return Choice(choose(candidates, times), [None if one is None else round(one * 1e6, 1) for one in times])


def choose(candidates: tuple[int | None, ...], seconds: list[float | None]) -> int | None:
    """The candidate with the best time; one that holds more memory only if it gains MIN_GAIN. The first candidate always has a time."""
    best, best_seconds = candidates[0], seconds[0]
    for candidate, one in zip(candidates[1:], seconds[1:], strict=True):
        if one is not None and best_seconds is not None and one * MIN_GAIN < best_seconds:
            best, best_seconds = candidate, one
    return best


class _Probe:
    """The probe guest in one engine, and its fastest round so far."""

    def __init__(self, engine: NativeEngine) -> None:
        self._engine = engine
        self._component: NativeComponent | None = NativeComponent.compile_here(engine, _PROBE)
        self._component.choose_export("run")
        self._best = float("inf")

    async def run(self) -> None:
        """Runs one round of calls."""
        # CPU time of this thread: other processes must not decide.
        started = time.thread_time()
        for _ in range(CALLS_PER_ROUND):
            await self._call()
        self._best = min(self._best, (time.thread_time() - started) / CALLS_PER_ROUND)

    async def _call(self) -> None:
        assert self._component is not None
        call = NativeCall(self._engine, None, _LIMITS)
        arena = Arena()
        try:
            waits = call.instantiate(self._component.linked)
            if waits is not None:
                await waits
            waits = call.start(_lower(_PAGES, arena))
            if waits is not None:
                await waits
            call.result()
            call.release()
        finally:
            call.drop()

    def close(self) -> float:
        """Frees the engine. Returns the CPU time of one call in the fastest round, in seconds."""
        self._component = None
        self._engine.close()
        return self._best


def _open(resident: int | None, instances: int) -> _Probe | None:
    """None for a pool that this machine cannot reserve."""
    if resident is None:
        return _Probe(NativeEngine(None))
    try:
        return _Probe(NativeEngine(PoolSizes(instances=instances, linear_memory_keep_resident=resident)))
    except EngineUnusable:
        return None
