"""One call: a fresh instance of a compiled component, its limits, its deadline, its outcome."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict
from pathlib import Path

import structlog

from holdfast.engine.artifacts import ArtifactStore
from holdfast.engine.capi import EngineUnusable, GuestFault, NativeCall, NativeComponent, NativeEngine, PoolSizes
from holdfast.engine.component_errors import CompileFailed
from holdfast.engine.linking import lift_response, link, lower_request
from holdfast.engine.outcome import RESPONSE_BODY_MAX_BYTES, Failure, FailureCode, Host, Limits, Outcome, classify
from holdfast.engine.output import GuestOutput
from holdfast.engine.proof import prove
from holdfast.engine.values import Arena
from holdfast.engine.wasi import Sources, SystemSources
from holdfast.world.types import ExecuteRequest, ExecuteResponse

TICK_SECONDS = 0.004
"""How long a computing guest may hold the loop at a time."""

LOADED_COMPONENTS = 256
"""Compiled components kept in memory; the least recently used that runs no call goes first."""

_log = structlog.get_logger(__name__)


class Component:
    """A loaded component: made by `Engine.load`, called by `Engine.execute`."""

    def __init__(self, native: NativeComponent, sha256: str) -> None:
        self.native = native
        self.sha256 = sha256
        self.calls = 0


class _CallState:
    """What host functions find of the call they serve."""

    __slots__ = ("host", "host_calls_left", "sources", "stderr", "stdout")

    def __init__(self, host: Host, limits: Limits, sources: Sources) -> None:
        budget = [limits.log_lines]
        self.host = host
        self.host_calls_left = limits.host_calls
        self.sources = sources
        self.stdout = GuestOutput(lambda line: host.output("stdout", line), budget, limits.log_line_bytes)
        self.stderr = GuestOutput(lambda line: host.output("stderr", line), budget, limits.log_line_bytes)


class _Clock:
    """Advances the engine's clock while calls run, from a thread of its own: a guest that computes holds the loop's thread."""

    def __init__(self, engine: NativeEngine) -> None:
        self._engine = engine
        self._running = threading.Event()
        self._stopped = False
        self._calls = 0
        self._thread = threading.Thread(target=self._run, name="holdfast-clock", daemon=True)
        self._thread.start()

    def enter(self) -> None:
        self._calls += 1
        if self._calls == 1:
            self._running.set()

    def leave(self) -> None:
        self._calls -= 1
        if self._calls == 0:
            self._running.clear()

    def _run(self) -> None:
        while True:
            self._running.wait()
            if self._stopped:
                return
            time.sleep(TICK_SECONDS)
            self._engine.tick()

    def stop(self) -> None:
        self._stopped = True
        self._running.set()
        self._thread.join()


class Engine:
    """The engine of a process. Belongs to one event loop; scale by processes."""

    def __init__(self, artifact_root: Path, *, pool: bool = True, pool_instances: int = 256, sources: Sources | None = None) -> None:
        """`artifact_root` is the folder of compiled components. Without room for a pool it goes on without one, and says so in the log."""
        self._artifacts = ArtifactStore(artifact_root)
        self._native = _native_engine(PoolSizes(instances=pool_instances) if pool else None)
        self._clock = _Clock(self._native)
        self._slots = asyncio.Semaphore(pool_instances)
        self._sources = sources or SystemSources()
        self._loaded: OrderedDict[str, Component] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Component]] = {}
        self._proof: asyncio.Task[None] | None = None

    async def prove(self) -> None:
        """Proves once, on a tiny component, that wasmtime does what the engine relies on. Services call it at start, `load` first.

        Raises EngineUnusable with a sentence naming what does not work.
        """
        if self._proof is None:
            self._clock.enter()
            self._proof = asyncio.create_task(prove(self._native))
            self._proof.add_done_callback(lambda _: self._clock.leave())
        await asyncio.shield(self._proof)

    async def load(self, wasm: Path, sha256: str) -> Component:
        """The component of a wasm file, whose SHA-256 is given in hex: from memory, from its artifact, or compiled.

        Raises NotAComponent, HandlerMissing, IncompatibleComponent or CompileFailed; none is remembered.
        """
        component = self._loaded.get(sha256)
        if component is not None:
            self._loaded.move_to_end(sha256)
            return component
        task = self._loading.get(sha256)
        if task is None:
            task = asyncio.create_task(self._load(wasm, sha256))
            self._loading[sha256] = task
            task.add_done_callback(lambda _: self._loading.pop(sha256, None))
        return await asyncio.shield(task)

    async def _load(self, wasm: Path, sha256: str) -> Component:
        await self.prove()
        artifact = await self._artifacts.path(wasm, sha256)
        try:
            native = self._native.load(artifact)
        except GuestFault as fault:
            # Made by this host and yet refused: settings changed without SETTINGS_REVISION. Compile anew, once.
            _log.warning("compiled component refused, compiling again", reason=str(fault))
            self._artifacts.discard(artifact)
            try:
                native = self._native.load(await self._artifacts.path(wasm, sha256))
            except GuestFault as again:
                raise CompileFailed(f"The compiled component cannot be loaded: {again}") from again
        try:
            link(native)
        except BaseException:
            native.close()
            raise
        component = Component(native, sha256)
        self._loaded[sha256] = component
        self._evict()
        return component

    def _evict(self) -> None:
        for sha256, component in list(self._loaded.items()):
            if len(self._loaded) <= LOADED_COMPONENTS:
                return
            if component.calls == 0:
                del self._loaded[sha256]
                component.native.close()

    async def execute(self, component: Component, request: ExecuteRequest, host: Host, limits: Limits) -> Outcome:
        """Runs the component's handler once, in a fresh instance.

        Never raises for what the guest does: that is the outcome's failure. Cancelling the coroutine ends the guest and its host calls.
        """
        started = time.perf_counter()
        state = _CallState(host, limits, self._sources)
        component.calls += 1
        try:
            response: ExecuteResponse | None = None
            failure: Failure | None = None
            try:
                async with asyncio.timeout(limits.timeout_ms / 1000), self._slots:
                    response = await self._run(component, request, state, limits)
            except TimeoutError:
                state.stderr.flush()
                failure = Failure(
                    FailureCode.DEADLINE, f"the call did not finish within {limits.timeout_ms} ms", [], list(state.stderr.tail)
                )
            except _Failed as failed:
                failure = failed.failure
            return Outcome(response, failure, (time.perf_counter() - started) * 1000)
        finally:
            component.calls -= 1
            state.stdout.flush()
            state.stderr.flush()

    async def _run(self, component: Component, request: ExecuteRequest, state: _CallState, limits: Limits) -> ExecuteResponse:
        arena = Arena()
        arguments = lower_request(request, arena)
        call = NativeCall(
            self._native,
            state,
            memory_bytes=limits.memory_mb << 20,
            memories=limits.memories,
            tables=limits.tables,
            table_elements=limits.table_elements,
            instances=limits.instances,
        )
        self._clock.enter()
        try:
            function = await call.instantiate(component.native)
            raw = await call.call(function, arguments, 1)
            try:
                response: ExecuteResponse = lift_response(raw, 0, call)
            finally:
                call.release(raw)
        except GuestFault as fault:
            state.stderr.flush()
            raise _Failed(classify(str(fault), call.failure, list(state.stderr.tail))) from fault
        finally:
            self._clock.leave()
            if call.waiting:
                await call.close()
            else:
                call.drop()
            del arena  # held until here: the call borrowed its memory
        return _checked(response)

    async def close(self) -> None:
        """Frees everything. No call may be under way."""
        for task in list(self._loading.values()):
            task.cancel()
        self._clock.stop()
        for component in self._loaded.values():
            component.native.close()
        self._loaded.clear()
        self._native.close()


class _Failed(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def _checked(response: ExecuteResponse) -> ExecuteResponse:
    if response.body is not None and len(response.body) > RESPONSE_BODY_MAX_BYTES:
        message = f"the response body is {len(response.body)} bytes; the limit is {RESPONSE_BODY_MAX_BYTES}"
        raise _Failed(Failure(FailureCode.RESPONSE_TOO_LARGE, message, [], []))
    if not 200 <= response.status <= 599:
        message = f"the handler answered status {response.status}; it must be 200 to 599"
        raise _Failed(Failure(FailureCode.INVALID_RESPONSE, message, [], []))
    return response


def _native_engine(pool: PoolSizes | None) -> NativeEngine:
    if pool is None:
        return NativeEngine(None)
    try:
        return NativeEngine(pool)
    except EngineUnusable as reason:
        _log.warning("no pool of instances, calls will be about half as fast", reason=str(reason))
        return NativeEngine(None)
