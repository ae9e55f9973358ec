"""One store and the calls made in it. Nothing here raises into C.

States of a NativeCall (`start` goes through the same states as `instantiate`):

    created ── instantiate ──► running ── ready at the first poll ──────────────────────► idle ── start ──► running ──► result ──► drop
                                  │                                                        ▲
                                  └── not ready ──► _finish ── poll until it is ready ─────┘
                                                       │
                    a host function waits              │  awaits `_waiter`, which a finished task, `end` or the deadline wakes
                    the guest computes beyond a tick   │  sleep(0): the event loop runs other calls in between
                    failure set, or cancelled          └──► future deleted, the guest is gone ──► close (tasks run) or drop

    `failure` is set once, by whichever comes first: a host function's exception, the deadline, or `end`.
    `running_calls` holds the call from its creation to `drop`; callbacks find it there by the address of its store.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import time
from collections.abc import Awaitable
from ctypes import byref, c_uint64, c_void_p
from typing import Any, NoReturn

from msgspec import Struct

from holdfast.engine.call.errors import DeadlinePassed
from holdfast.engine.call.limits import Limits
from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.engines import NativeEngine
from holdfast.engine.capi.prototypes import GuestFault, raise_error, take_error
from holdfast.engine.capi.scratch import Scratch, unused
from holdfast.engine.values.layout import BYTES_HEADER, VALUE_BYTES, Arena

_UNLIMITED = (1 << 64) - 1


class LinkedComponent(Struct, frozen=True):
    """The addresses of a linked component, as a call needs them. The NativeComponent that they come from keeps them valid."""

    component: int
    linker: int
    export: int


numbers = itertools.count(1)
"""Numbers for resources, continuations and host functions, unique in the process."""


class NativeCall:
    """One store and the calls made in it. Belongs to one event loop; `failure` is the first exception of a host function.

    `cpu_of_others` is the CPU time, in seconds, that this thread used for other work while the guest waited or yielded.
    """

    __slots__ = (
        "_context",
        "_expiry",
        "_owned",
        "_pending",
        "_running",
        "_scratch",
        "_store",
        "_tasks",
        "_waiter",
        "cpu_of_others",
        "failure",
        "resources",
        "state",
    )

    def __init__(self, engine: NativeEngine, state: Any, limits: Limits, expiry: tuple[float, int] | None = None) -> None:
        """`expiry` is the deadline on `time.perf_counter`, and the time from the start to it in ms."""
        self._store = c.store_new(engine.address, None, None)
        self._context: int = c.store_context(self._store)
        self.state = state
        self.failure: BaseException | None = None
        self.cpu_of_others = 0.0
        self.resources: dict[int, Any] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._expiry = expiry
        self._waiter: asyncio.Future[None] | None = None
        self._owned: list[int] = []
        self._pending: set[int] = set()
        self._running = False
        self._scratch = unused.pop() if unused else Scratch()
        c.store_limiter(self._store, limits.memory_mb << 20, limits.table_elements, limits.instances, limits.tables, limits.memories)
        # One tick: a computing guest yields to the event loop at every tick of the engine's clock.
        c.set_epoch_deadline(self._context, 1)
        c.epoch_yield(self._context, 1)
        if engine.fuel:
            raise_error(c.context_set_fuel(self._context, _UNLIMITED if limits.fuel is None else limits.fuel))
        running_calls[self._context] = self

    def fuel_left(self) -> int:
        """The fuel that the call has not used yet. Only for an engine that counts fuel."""
        left = c_uint64()
        raise_error(c.context_get_fuel(self._context, ctypes.addressof(left)))
        return left.value

    # Resources: the guest holds handles; the host holds the objects, in `resources`, under the numbers behind the handles.

    def number(self, resource: int) -> int:
        """See `Handles`."""
        host = c_void_p()
        error = c.resource_to_host(self._context, resource, byref(host))
        if error:  # not `raise_error`: guests pass resources in every call, see `scratch.unused`
            raise GuestFault(take_error(error))
        rep: int = c.resource_host_rep(host)
        c.resource_host_delete(host)
        return rep

    def own(self, number: int) -> int:
        """See `Handles`."""
        host = c.resource_host_new(True, number, self.resources[number].resource_type)
        any_resource = c_void_p()
        error = c.resource_to_any(self._context, host, byref(any_resource))
        c.resource_host_delete(host)
        if error:
            raise GuestFault(take_error(error))
        assert any_resource.value
        self._owned.append(any_resource.value)
        return any_resource.value

    def add_resource(self, resource: Any) -> int:
        """Adds a host object to the call. Returns its number, for `own`."""
        number = next(numbers) & 0x7FFFFFFF
        self.resources[number] = resource
        return number

    def write_result(self, results: int, value: bytes, arena: Arena) -> None:
        """Writes a lowered value as the result of a host function. Wasmtime owns the copy, so the arena may be freed afterwards.

        Raises CancelledError when the guest is gone and the address with it: a host function may have swallowed its cancellation.
        """
        if not self._running:
            raise asyncio.CancelledError
        c.value_clone(id(value) + BYTES_HEADER, results)
        while self._owned:
            c.resource_any_delete(self._owned.pop())

    # Running.

    async def _finish(self, future: int) -> None:
        """Polls a future that was not ready at its first poll: the guest waits, or computes for longer than a tick.

        Only a call that gets here needs a timer for its deadline. This is the only place where a call waits, so waking it here is enough
        to end it; nothing is cancelled.
        """
        loop = asyncio.get_running_loop()
        timer = None
        if self._expiry is not None:
            moment, timeout_ms = self._expiry
            timer = loop.call_later(max(0, moment - time.perf_counter()), self.end, DeadlinePassed(timeout_ms))
        try:
            while True:
                if self.failure is None:
                    left = time.thread_time()
                    try:
                        if self._tasks:
                            self._waiter = loop.create_future()
                            await self._waiter
                        else:
                            await asyncio.sleep(0)
                    finally:
                        self.cpu_of_others += time.thread_time() - left
                if self.failure is not None:
                    raise GuestFault("the host ended the call")
                if c.future_poll(future):  # returns after one tick at most
                    return
        finally:
            if timer is not None:
                timer.cancel()
            self._running = False
            c.future_delete(future)  # also when cancelled: this ends the guest

    def end(self, reason: BaseException) -> None:
        """Ends the call from outside, after one tick at most. `reason` becomes its `failure` unless it has one."""
        if self.failure is None:
            self.failure = reason
        self._wake()

    def instantiate(self, component: LinkedComponent) -> Awaitable[None] | None:
        """Creates a fresh instance of a linked component.

        Returns None when the instance is ready, else an awaitable. Both the method and the awaitable raise GuestFault.
        """
        at = self._scratch
        self._running = True
        future = c.linker_instantiate_async(component.linker, self._context, component.component, at.instance, at.error_address)
        if not c.future_poll(future):
            return self._instantiate_later(future, component)
        self._running = False
        c.future_delete(future)
        self._find_handler(component)
        return None

    async def _instantiate_later(self, future: int, component: LinkedComponent) -> None:
        await self._finish(future)
        self._find_handler(component)

    def _find_handler(self, component: LinkedComponent) -> None:
        at = self._scratch
        if at.error.value:
            self._fail()
        if not c.instance_get_func(at.instance, self._context, component.export, at.function):
            raise GuestFault("the export is not a function")

    def start(self, argument: bytes) -> Awaitable[None] | None:
        """Calls the instance's handler with one lowered argument. The caller keeps its arena alive until it has the result.

        Returns None when the handler has returned, else an awaitable. Then `result` returns its value, or raises GuestFault.
        """
        at = self._scratch
        self._running = True
        future = c.func_call_async(at.function, self._context, id(argument) + BYTES_HEADER, 1, at.result, 1, at.error_address)
        if not c.future_poll(future):
            return self._finish(future)
        self._running = False
        c.future_delete(future)
        return None

    def result(self) -> bytes:
        """The 32 bytes of the handler's return value, valid until `release`. Raises GuestFault."""
        at = self._scratch
        if at.error.value:
            self._fail()
        return ctypes.string_at(at.result, VALUE_BYTES)

    def release(self) -> None:
        """Frees the memory of the result."""
        # The next call assigns to this slot, which drops its old content once more. Deleting a record (what handlers return) or a string
        # resets the slot; deleting an option, result or variant does not: for those, zero the 32 bytes here or the next call frees twice.
        c.value_delete(self._scratch.result)

    def _fail(self) -> NoReturn:
        error = self._scratch.error
        assert error.value
        text = take_error(error.value)
        error.value = None
        raise GuestFault(text)

    async def close(self) -> None:
        """Ends the guest and the host functions it waits for, then frees everything."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.drop()  # also when cancelled here; gather returns only after its tasks have ended

    def drop(self) -> None:
        """Frees everything. For a call that waits for no host function; does nothing the second time."""
        if running_calls.pop(self._context, None) is not None:
            c.store_delete(self._store)
            for key in self._pending:  # Wasmtime never polls these continuations again
                pending.pop(key, None)
            self.resources.clear()
            scratch = self._scratch
            if scratch.error.value:  # an error that no one read
                take_error(scratch.error.value)
                scratch.error.value = None
            unused.append(scratch)

    @property
    def is_waiting(self) -> bool:
        """Whether a host function of this call still runs."""
        return bool(self._tasks)

    def _started(self, task: asyncio.Future[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Future[None]) -> None:
        self._tasks.discard(task)
        if self.failure is None:
            self.failure = asyncio.CancelledError() if task.cancelled() else task.exception()
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


running_calls: dict[int, NativeCall] = {}
"""Every call by the address of its store's context."""

pending: dict[int, tuple[NativeCall, asyncio.Future[None]]] = {}
"""Host functions that a guest waits for, by the key of their continuation."""
