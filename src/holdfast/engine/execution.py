"""One call: a fresh instance of a compiled component, its limits, its deadline, its outcome."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from pathlib import Path

import structlog

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.engine.capi import EngineUnusable, GuestFault, NativeCall, NativeComponent, NativeEngine, PoolSizes
from holdfast.engine.compiling.artifacts import ArtifactStore
from holdfast.engine.compiling.errors import CompileFailed
from holdfast.engine.linking import lift_response, link, lower_request
from holdfast.engine.outcome import (
    RESPONSE_BODY_MAX_BYTES,
    DeadlinePassed,
    Failure,
    FailureCode,
    Host,
    LimitReached,
    Limits,
    Outcome,
    classify,
)
from holdfast.engine.output import GuestOutput
from holdfast.engine.proof import prove
from holdfast.engine.values.layout import Arena
from holdfast.engine.wasi import Sources, SystemSources
from holdfast.world.types import ExecuteRequest, ExecuteResponse

TICK_SECONDS = 0.004
"""How long a computing guest may hold the loop at a time."""

_UNLIMITED_FUEL = (1 << 64) - 1

_IDLE_TICKS = 500

LOADED_COMPONENTS = 256
"""Compiled components kept in memory; the least recently used goes first."""

_log = structlog.get_logger(__name__)


class Component:
    """A loaded component: made by `Engine.load`, called by `Engine.execute`."""

    def __init__(self, native: NativeComponent, sha256: str) -> None:
        self.native = native
        self.sha256 = sha256


class _CallState:
    """What host functions find of the call they serve. Most guests write nothing, so the outputs are made when one does."""

    __slots__ = ("_budget", "_limits", "_stderr", "_stdout", "ended_by", "fuel_used", "host", "host_calls_left", "sources")

    def __init__(self, host: Host, limits: Limits, sources: Sources) -> None:
        self.host = host
        self.host_calls_left = limits.host_calls
        self.sources = sources
        self.fuel_used: int | None = None
        self.ended_by: BaseException | None = None
        self._limits = limits
        self._budget = [limits.log_lines]
        self._stdout: GuestOutput | None = None
        self._stderr: GuestOutput | None = None

    @property
    def stdout(self) -> GuestOutput:
        if self._stdout is None:
            self._stdout = GuestOutput(lambda line: self.host.output("stdout", line), self._budget, self._limits.log_line_bytes)
        return self._stdout

    @property
    def stderr(self) -> GuestOutput:
        if self._stderr is None:
            self._stderr = GuestOutput(lambda line: self.host.output("stderr", line), self._budget, self._limits.log_line_bytes)
        return self._stderr

    def flush(self) -> list[str]:
        """Passes on unfinished lines. Returns the last lines of stderr."""
        if self._stdout is not None:
            self._stdout.flush()
        if self._stderr is None:
            return []
        self._stderr.flush()
        return list(self._stderr.tail)


class _Slots:
    """Room for so many calls at once. A call that finds some takes it without waiting, which a semaphore's coroutine would cost."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """Takes a place if one is free and nobody was here before."""
        if self._free == 0 or self._waiting:
            return False
        self._free -= 1
        return True

    async def wait(self, seconds: float) -> bool:
        """Waits in line for a place. False when none came in time."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await asyncio.wait_for(asyncio.shield(place), seconds)
        except BaseException as reason:
            if place.done():
                self.give()  # it came at the same moment: the next in line gets it
            else:
                self._waiting.remove(place)
            if isinstance(reason, TimeoutError):
                return False
            raise
        return True

    def give(self) -> None:
        """Gives a place back, to the first in line if there is one."""
        if self._waiting:
            self._waiting.popleft().set_result(None)
        else:
            self._free += 1


class _Clock:
    """Advances the engine's clock while calls run, from a thread of its own: a guest that computes holds the loop's thread.

    A call adds itself to `calls`, wakes the clock when it rests, and takes itself off: plain attributes, because every call does it.
    """

    def __init__(self, engine: NativeEngine) -> None:
        self.calls = 0
        self.resting = True
        self._engine = engine
        self._wanted = threading.Event()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="holdfast-clock", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        self._wanted.set()

    def _run(self) -> None:
        while not self._stopped:
            self._wanted.wait()
            self._wanted.clear()
            self.resting = False
            idle = 0
            # It goes on for a while when no call runs: to wake and to rest for each call would cost more than the call's own overhead.
            while idle < _IDLE_TICKS and not self._stopped:
                time.sleep(TICK_SECONDS)
                self._engine.tick()
                idle = 0 if self.calls else idle + 1
            self.resting = True
            if self.calls:  # one came between the last look and the rest
                self._wanted.set()

    def stop(self) -> None:
        self._stopped = True
        self._wanted.set()
        self._thread.join()


class Engine:
    """The engine of a process. Belongs to one event loop; scale by processes."""

    def __init__(
        self, artifact_root: Path, *, pool: bool = True, pool_instances: int = 256, fuel: bool = False, sources: Sources | None = None
    ) -> None:
        """`artifact_root` is the folder of compiled components. Without room for a pool it goes on without one, and says so in the log.
        `fuel` counts what calls compute, at the price of a fifth of their speed."""
        self._artifacts = ArtifactStore(artifact_root, fuel=fuel)
        self._native = _native_engine(PoolSizes(instances=pool_instances) if pool else None, fuel)
        self._clock = _Clock(self._native)
        self._slots = _Slots(pool_instances)
        self._sources = sources or SystemSources()
        self._loaded: OrderedDict[str, Component] = OrderedDict()
        self._loads: SingleFlight[str, Component] = SingleFlight("load a component")
        self._proof: asyncio.Task[None] | None = None
        self.on_load: Callable[[], None] = lambda: None
        """Called for every component that was loaded into memory."""

    @property
    def artifacts(self) -> ArtifactStore:
        """Where compiled components are."""
        return self._artifacts

    async def prove(self) -> None:
        """Proves once, on a tiny component, that wasmtime does what the engine relies on. Services call it at start, `load` first.

        Raises EngineUnusable with a sentence naming what does not work.
        """
        if self._proof is None:
            self._proof = asyncio.create_task(self._prove())
        await asyncio.shield(self._proof)

    async def _prove(self) -> None:
        self._clock.calls += 1
        self._clock.wake()
        try:
            await prove(self._native)
        finally:
            self._clock.calls -= 1

    def loaded(self, sha256: str) -> Component | None:
        """The component with this SHA-256 (hex) if it is in memory."""
        component = self._loaded.get(sha256)
        if component is not None:
            self._loaded.move_to_end(sha256)
        return component

    async def load(self, wasm: Path, sha256: str) -> Component:
        """The component of a wasm file, whose SHA-256 is given in hex: from memory, from its artifact, or compiled.

        Raises NotAComponent, HandlerMissing, IncompatibleComponent or CompileFailed; none is remembered.
        """
        component = self.loaded(sha256)
        if component is not None:
            return component
        return await self._loads.run(sha256, lambda: self._load(wasm, sha256))

    async def _load(self, wasm: Path, sha256: str) -> Component:
        _, artifact = await asyncio.gather(self.prove(), self._artifacts.path(wasm, sha256))
        try:
            native = self._native.load(artifact)
        except GuestFault as fault:
            _refuse_what_no_call_could_hold(fault)
            # Made by this host and yet refused: settings changed without SETTINGS_REVISION. Compile anew, once.
            _log.warning("compiled component refused, compiling again", reason=str(fault))
            self._artifacts.discard(artifact)
            try:
                native = self._native.load(await self._artifacts.path(wasm, sha256))
            except GuestFault as again:
                raise CompileFailed(f"The compiled component cannot be loaded: {again}") from again
        link(native)
        component = Component(native, sha256)
        self._loaded[sha256] = component
        self.on_load()
        if len(self._loaded) > LOADED_COMPONENTS:
            self._loaded.popitem(last=False)  # freed when the last call that holds it ends
        return component

    async def execute(
        self, component: Component, request: ExecuteRequest, host: Host, limits: Limits, *, sources: Sources | None = None
    ) -> Outcome:
        """Runs the component's handler once, in a fresh instance. `sources` are the clocks and randomness of this call.

        Never raises for what the guest does: that is the outcome's failure. Cancelling the coroutine ends the guest and its host calls.
        """
        started = time.perf_counter()
        state = _CallState(host, limits, sources or self._sources)
        response: ExecuteResponse | None = None
        failure: Failure | None = None
        if not self._slots.take() and not await self._slots.wait(limits.timeout_ms / 1000):
            return Outcome(None, classify("", DeadlinePassed(limits.timeout_ms), []), (time.perf_counter() - started) * 1000)
        try:
            response = await self._run(component, request, state, limits, started)
            failure = _refused(response)
        except GuestFault as fault:
            failure = classify(str(fault), state.ended_by, state.flush())
        except LimitReached as limit:  # the response's own: a host function's comes as a GuestFault
            failure = classify("", limit, state.flush())
        finally:
            self._slots.give()
        state.flush()
        return Outcome(response if failure is None else None, failure, (time.perf_counter() - started) * 1000, state.fuel_used)

    async def _run(
        self, component: Component, request: ExecuteRequest, state: _CallState, limits: Limits, started: float
    ) -> ExecuteResponse:
        """The call itself. Raises GuestFault, and leaves in the state which host function or limit ended the guest, if one did."""
        arena = Arena()
        arguments = lower_request(request, arena)
        call = NativeCall(self._native, state, limits, (started + limits.timeout_ms / 1000, limits.timeout_ms))
        clock = self._clock
        clock.calls += 1
        if clock.resting:
            clock.wake()
        try:
            waits = call.instantiate(component.native)
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
            if call.waiting:
                await call.close()
            else:
                call.drop()
            del arena  # held until here: the call borrowed its memory

    async def close(self) -> None:
        """Frees everything. No call may be under way."""
        await self._loads.close()
        if self._proof is not None:
            await asyncio.gather(self._proof, return_exceptions=True)  # runs in the engine, so it is not cancelled
        await self._artifacts.close()
        self._clock.stop()
        self._loaded.clear()
        self._native.close()


def _refuse_what_no_call_could_hold(fault: GuestFault) -> None:
    """Compiling again would not help a component that has more of something than the pool gives any call."""
    what, _, causes = str(fault).partition("Caused by:")
    if "pooling allocator" in what:
        reason = causes.strip().splitlines()[-1].strip() if causes.strip() else what.strip()
        raise CompileFailed(
            f"The component asks for more than one call may have: {reason}.", hint="Use fewer memories, tables and instances."
        ) from fault


def _refused(response: ExecuteResponse) -> Failure | None:
    """The failure of a response that cannot be passed on."""
    if response.body is not None and len(response.body) > RESPONSE_BODY_MAX_BYTES:
        message = f"the response body is {len(response.body)} bytes; the limit is {RESPONSE_BODY_MAX_BYTES}"
        return Failure(FailureCode.RESPONSE_TOO_LARGE, message, [], [])
    if not 200 <= response.status <= 599:
        message = f"the handler answered status {response.status}; it must be 200 to 599"
        return Failure(FailureCode.INVALID_RESPONSE, message, [], [])
    return None


def _native_engine(pool: PoolSizes | None, fuel: bool) -> NativeEngine:
    if pool is None:
        return NativeEngine(None, fuel=fuel)
    try:
        return NativeEngine(pool, fuel=fuel)
    except EngineUnusable as reason:
        _log.warning("no pool of instances, calls will be about half as fast", reason=str(reason))
        return NativeEngine(None, fuel=fuel)
