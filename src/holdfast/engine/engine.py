"""The engine of a process: loads components, and runs one call in a fresh instance within its limits.

load(wasm)                                             execute(component, request)
    │                                                      │
in memory? ──► Component                               slot free? ── no ──► wait in line, at most until the deadline
    │ no: one load per component at a time                 │
startup check, artifact (compiled if need be)          lower the request ──► instantiate ──► handler ──► lift the response
    │                                                      │
map, check the imports, link ──► Component             Outcome: response, or a classified failure; the instance is gone
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.engine.call.errors import DeadlinePassed, LimitReached
from holdfast.engine.call.host import Host
from holdfast.engine.call.limits import MAX_RESPONSE_BODY_BYTES, Limits
from holdfast.engine.call.outcome import Failure, FailureCode, Outcome, classify
from holdfast.engine.call_slots import CallSlots
from holdfast.engine.call_state import CallState
from holdfast.engine.capi import STACK_BYTES, EngineUnusable, GuestFault, NativeCall, NativeComponent, NativeEngine, PoolSizes
from holdfast.engine.compiling.artifacts import ArtifactStore
from holdfast.engine.compiling.errors import ComponentError
from holdfast.engine.epoch_clock import EpochClock
from holdfast.engine.linking import generated_lower_request, lift_response, link, lower_request, needs_source
from holdfast.engine.loaded_components import LoadedComponents
from holdfast.engine.startup_check import check_wasmtime
from holdfast.engine.values.layout import Arena
from holdfast.engine.wasi import Sources, SystemSources
from holdfast.world.types import ExecuteRequest, ExecuteResponse

MAX_COMPONENTS = 4_096
"""Each maps its code several times; Linux allows a process 65,530 mappings by default."""
MAX_COMPONENT_BYTES = 1 << 30

_UNLIMITED_FUEL = (1 << 64) - 1

_log = structlog.get_logger(__name__)


class Component:
    """A loaded component: returned by `Engine.load`, passed to `Engine.execute`."""

    def __init__(self, native: NativeComponent, sha256: str, file_bytes: int, source_text: str | None = None) -> None:
        """`file_bytes` is the size of the mapped artifact, `source_text` the code that a development component runs."""
        self.file_bytes = file_bytes
        self.native = native
        self.linked = native.linked
        self.sha256 = sha256
        self.source_text = source_text
        self.needs_source = needs_source(native)
        """Whether it is a development component: it contains no handler, and runs the code that `with_source` gives it."""

    def with_source(self, text: str) -> Component:
        """The same component with the code of a handler. Both share everything else."""
        return Component(self.native, self.sha256, self.file_bytes, text)


class Engine:
    """The engine of a process. Belongs to one event loop; scale by processes."""

    def __init__(
        self,
        artifact_root: Path,
        *,
        pool: bool | PoolSizes = True,
        pool_instances: int = 256,
        fuel: bool = False,
        stack_mb: int = STACK_BYTES >> 20,
        generated_lowering: bool = True,
        max_components: int = MAX_COMPONENTS,
        max_component_bytes: int = MAX_COMPONENT_BYTES,
        sources: Sources | None = None,
    ) -> None:
        """`artifact_root` is the folder of compiled components.

        `pool` reserves memory for `pool_instances` calls at once, with the sizes given or the default ones; where that fails, the engine
        logs a warning and allocates on demand.
        `fuel` counts what calls compute and costs a fifth of their speed. `stack_mb` is the size of a call's stack in MiB.
        `generated_lowering` lowers requests with generated code; both ways produce the same bytes. Above `max_components` loaded
        components, or when they take more than `max_component_bytes`, the least recently used is dropped from memory; loading it again
        takes milliseconds. `sources` are the clocks and randomness of calls that pass none.
        """
        self._artifacts = ArtifactStore(artifact_root, fuel=fuel)
        self._native = _native_engine(_sizes(pool, pool_instances), fuel, stack_mb << 20)
        self._clock = EpochClock(self._native)
        self._slots = CallSlots(pool_instances)
        self._lower_request = generated_lower_request if generated_lowering else lower_request
        self._sources = sources or SystemSources()
        self._loaded: LoadedComponents[Component] = LoadedComponents(max_count=max_components, max_bytes=max_component_bytes)
        self._loads: SingleFlight[str, Component] = SingleFlight("load a component")
        self._wasmtime_check: asyncio.Task[None] | None = None
        self.on_load: Callable[[], None] = lambda: None
        """Called after each component is loaded into memory."""

    @property
    def artifacts(self) -> ArtifactStore:
        """The compiled components on disk."""
        return self._artifacts

    async def check_wasmtime(self) -> None:
        """Checks once, with a tiny component, that wasmtime behaves as the engine needs. Services call it at start; `load` does too.

        Raises EngineUnusable, whose message names the step that failed.
        """
        if self._wasmtime_check is None:
            self._wasmtime_check = asyncio.create_task(self._check_wasmtime())
        await asyncio.shield(self._wasmtime_check)

    async def _check_wasmtime(self) -> None:
        self._clock.calls += 1
        self._clock.wake()
        try:
            await check_wasmtime(self._native)
        finally:
            self._clock.calls -= 1

    def loaded(self, sha256: str) -> Component | None:
        """The component with this SHA-256 (hex) if it is in memory."""
        return self._loaded.get(sha256)

    def is_compiled(self, sha256: str) -> bool:
        """Whether `load` would find the component in memory or its artifact on disk, and compile nothing."""
        return self.loaded(sha256) is not None or self._artifacts.has(sha256)

    def forget(self, sha256: str) -> None:
        """Drops the component with this SHA-256 (hex) from memory and removes its artifact; `load` would compile it again.

        Calls that run it are not affected.
        """
        self._loaded.remove(sha256)
        self._artifacts.remove(sha256)

    async def load(self, wasm: Path, sha256: str) -> Component:
        """Returns the component of a wasm file with this SHA-256 (hex): from memory, from its artifact, or compiled.

        Raises ComponentError, and tries again the next time.
        """
        component = self.loaded(sha256)
        if component is not None:
            return component
        return await self._loads.run(sha256, lambda: self._load(wasm, sha256))

    async def _load(self, wasm: Path, sha256: str) -> Component:
        _, artifact = await asyncio.gather(self.check_wasmtime(), self._artifacts.path(wasm, sha256))
        try:
            native = NativeComponent.load(self._native, artifact)
        except GuestFault as fault:
            _reject_oversized(fault)
            # This host wrote it and cannot load it: the settings changed without a new SETTINGS_REVISION. Compile again, once.
            _log.warning("compiled component cannot be loaded, compiling again", reason=str(fault))
            self._artifacts.discard(artifact)
            try:
                native = NativeComponent.load(self._native, await self._artifacts.path(wasm, sha256))
            except GuestFault as again:
                raise ComponentError("compile_failed", f"The compiled component cannot be loaded: {again}") from again
        link(native)
        component = Component(native, sha256, artifact.stat().st_size)
        self._loaded.add(component)
        self.on_load()
        return component

    async def execute(
        self, component: Component, request: ExecuteRequest, host: Host, limits: Limits, *, sources: Sources | None = None
    ) -> Outcome:
        """Runs the component's handler once, in a fresh instance. `sources` are the clocks and randomness of this call.

        Never raises for anything the guest does: the outcome has the failure. Cancelling the coroutine ends the guest and its host calls.
        """
        started = time.perf_counter()
        state = CallState(host, limits, sources or self._sources, component.source_text)
        response: ExecuteResponse | None = None
        failure: Failure | None = None
        if not self._slots.try_acquire() and not await self._slots.acquire(limits.timeout_ms / 1000):
            return Outcome(None, classify("", DeadlinePassed(limits.timeout_ms), []), (time.perf_counter() - started) * 1000)
        try:
            response = await self._run(component, request, state, limits, started)
            failure = _response_failure(response)
        except GuestFault as fault:
            failure = classify(str(fault), state.ended_by, state.flush())
        except LimitReached as limit:  # from lifting the response; one from a host function arrives as a GuestFault
            failure = classify("", limit, state.flush())
        finally:
            self._slots.release()
        state.flush()
        milliseconds = (time.perf_counter() - started) * 1000
        return Outcome(response if failure is None else None, failure, milliseconds, state.fuel_used, state.cpu_seconds)

    async def _run(
        self, component: Component, request: ExecuteRequest, state: CallState, limits: Limits, started: float
    ) -> ExecuteResponse:
        """Runs the call itself. Raises GuestFault; `state.ended_by` is the exception with which the host ended the guest, if any."""
        # The thread's CPU time and not the clock: what other processes take from this one must not count against a tenant's quota.
        cpu_started = time.thread_time()
        arena = Arena()
        arguments = self._lower_request(request, arena)
        call = NativeCall(self._native, state, limits, (started + limits.timeout_ms / 1000, limits.timeout_ms))
        clock = self._clock
        clock.calls += 1
        if clock.idle:
            clock.wake()
        try:
            waits = call.instantiate(component.linked)
            if waits is not None:
                await waits
            waits = call.start(arguments)
            if waits is not None:
                await waits
            raw = call.result()
            try:
                response: ExecuteResponse = lift_response(raw, 0, call)
            finally:
                call.release()
            return response
        finally:
            clock.calls -= 1
            state.ended_by = call.failure
            if self._native.fuel:
                state.fuel_used = (_UNLIMITED_FUEL if limits.fuel is None else limits.fuel) - call.fuel_left()
            if call.is_waiting:
                await call.close()
            else:
                call.drop()
            state.cpu_seconds = time.thread_time() - cpu_started - call.cpu_of_others
            del arena  # alive until here: the call borrowed its memory

    async def close(self) -> None:
        """Frees everything. No call may be running."""
        await self._loads.close()
        if self._wasmtime_check is not None:
            await asyncio.gather(self._wasmtime_check, return_exceptions=True)  # runs in the engine, so it is not cancelled
        await self._artifacts.close()
        self._clock.stop()
        self._loaded.clear()
        self._native.close()


def _reject_oversized(fault: GuestFault) -> None:
    """Raises ComponentError for a component that has more of something than the pool allows: compiling it again would not help."""
    what, _, causes = str(fault).partition("Caused by:")
    if "pooling allocator" in what:
        reason = causes.strip().splitlines()[-1].strip() if causes.strip() else what.strip()
        raise ComponentError(
            "compile_failed",
            f"The component needs more than one call may have: {reason}.",
            hint="Use fewer memories, tables and instances.",
        ) from fault


def _response_failure(response: ExecuteResponse) -> Failure | None:
    """The failure of a response that cannot be passed on, or None."""
    if response.body is not None and len(response.body) > MAX_RESPONSE_BODY_BYTES:
        message = f"the response body is {len(response.body)} bytes; the limit is {MAX_RESPONSE_BODY_BYTES}"
        return Failure(FailureCode.RESPONSE_TOO_LARGE, message, [], [])
    if not 200 <= response.status <= 599:
        message = f"the handler returned status {response.status}; it must be 200 to 599"
        return Failure(FailureCode.INVALID_RESPONSE, message, [], [])
    return None


def _sizes(pool: bool | PoolSizes, instances: int) -> PoolSizes | None:
    if isinstance(pool, PoolSizes):
        return pool
    return PoolSizes(instances=instances) if pool else None


def _native_engine(pool: PoolSizes | None, fuel: bool, stack_bytes: int) -> NativeEngine:
    if pool is None:
        return NativeEngine(None, fuel=fuel, stack_bytes=stack_bytes)
    try:
        return NativeEngine(pool, fuel=fuel, stack_bytes=stack_bytes)
    except EngineUnusable as reason:
        _log.warning("no memory pool for instances, calls may run at half speed", reason=str(reason))
        return NativeEngine(None, fuel=fuel, stack_bytes=stack_bytes)
