"""One store and the calls made in it, and the C callbacks that find them. Nothing here raises into C."""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import time
from collections.abc import Awaitable
from ctypes import byref, c_bool, c_size_t, c_uint32, c_uint64, c_void_p
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from wasmtime import _ffi as ffi

from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.prototypes import GuestFault, take_error
from holdfast.engine.outcome import DeadlinePassed, Limits
from holdfast.engine.values.layout import BYTES_HEADER, VALUE_BYTES, Arena

if TYPE_CHECKING:
    from holdfast.engine.capi.components import NativeComponent
    from holdfast.engine.capi.engines import NativeEngine


_UNLIMITED = (1 << 64) - 1
_INSTANCE_BYTES = ctypes.sizeof(ffi.wasmtime_component_instance_t)
_FUNCTION_BYTES = ctypes.sizeof(ffi.wasmtime_component_func_t)


class HostFunction(Protocol):
    """A host function as callbacks see it: reads arguments at `args`, and writes its result through `call.give` at once or later."""

    def __call__(self, call: NativeCall, args: int, results: int) -> Awaitable[None] | None: ...


class NativeCall:
    """One store and the calls made in it. Lives on one event loop; `failure` is the first exception a host function raised."""

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
        "failure",
        "resources",
        "state",
    )

    def __init__(self, engine: NativeEngine, state: Any, limits: Limits, expiry: tuple[float, int] | None = None) -> None:
        """`expiry` is when the call's time is up, on `time.perf_counter`, and how much it had, in ms."""
        self._store = c.store_new(engine.address, None, None)
        self._context: int = c.store_context(self._store)
        self.state = state
        self.failure: BaseException | None = None
        self.resources: dict[int, Any] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._expiry = expiry
        self._waiter: asyncio.Future[None] | None = None
        self._owned: list[int] = []
        self._pending: set[int] = set()
        self._running = False
        self._scratch = _scratches.pop() if _scratches else _Scratch()
        c.store_limiter(self._store, limits.memory_mb << 20, limits.table_elements, limits.instances, limits.tables, limits.memories)
        # One tick: a guest that computes gives the loop back at every tick of the engine's clock.
        c.set_epoch_deadline(self._context, 1)
        c.epoch_yield(self._context, 1)
        if engine.fuel:
            self._succeeds(c.context_set_fuel(self._context, _UNLIMITED if limits.fuel is None else limits.fuel))
        calls[self._context] = self

    @staticmethod
    def _succeeds(error: int | None) -> None:
        if error:
            raise GuestFault(take_error(error))

    def fuel_left(self) -> int:
        """What is left of the fuel the call was given; only where the engine counts it."""
        left = c_uint64()
        self._succeeds(c.context_get_fuel(self._context, ctypes.addressof(left)))
        return left.value

    # Resources: the guest sees handles, the host sees the objects behind the numbers.

    def number(self, resource: int) -> int:
        host = c_void_p()
        error = c.resource_to_host(self._context, resource, byref(host))
        if error:
            raise GuestFault(take_error(error))
        rep: int = c.resource_host_rep(host)
        c.resource_host_delete(host)
        return rep

    def own(self, number: int) -> int:
        host = c.resource_host_new(True, number, self.resources[number].resource_type)
        any_resource = c_void_p()
        error = c.resource_to_any(self._context, host, byref(any_resource))
        c.resource_host_delete(host)
        if error:
            raise GuestFault(take_error(error))
        assert any_resource.value
        self._owned.append(any_resource.value)
        return any_resource.value

    def keep(self, thing: Any) -> int:
        """Puts a host object into the call and gives its number, for `own`."""
        number = next(numbers) & 0x7FFFFFFF
        self.resources[number] = thing
        return number

    def give(self, results: int, value: bytes, arena: Arena) -> None:
        """Writes a lowered value as the result of a host function: Wasmtime owns the copy, the arena may go.

        Raises CancelledError when the guest is gone and with it the place of the result: a host function may swallow its cancellation.
        """
        if not self._running:
            raise asyncio.CancelledError
        c.value_clone(id(value) + BYTES_HEADER, results)
        while self._owned:
            c.resource_any_delete(self._owned.pop())

    # Running.

    async def _finish(self, future: int) -> None:
        """Drives a future that was not ready at its first poll: the guest waits, or computes for longer than a tick.

        Only here the deadline needs a timer. Everything a call waits for, it waits for here, so that no cancellation is needed either.
        """
        loop = asyncio.get_running_loop()
        timer = None
        if self._expiry is not None:
            moment, timeout_ms = self._expiry
            timer = loop.call_later(max(0, moment - time.perf_counter()), self.end, DeadlinePassed(timeout_ms))
        try:
            while True:
                if self.failure is None:
                    if self._tasks:
                        self._waiter = loop.create_future()
                        await self._waiter
                    else:
                        await asyncio.sleep(0)
                if self.failure is not None:
                    raise GuestFault("the host ended the call")
                if c.future_poll(future):  # gives the loop back after one tick at most
                    return
        finally:
            if timer is not None:
                timer.cancel()
            self._running = False
            c.future_delete(future)  # also when cancelled: the guest is gone

    def end(self, reason: BaseException) -> None:
        """Ends the call from outside, at the latest after one tick: `failure` is the reason."""
        if self.failure is None:
            self.failure = reason
        self._wake()

    def instantiate(self, component: NativeComponent) -> Awaitable[None] | None:
        """Makes a fresh instance of a linked component: at once, or when what is returned was awaited. Either raises GuestFault."""
        at = self._scratch
        self._running = True
        future = c.linker_instantiate_async(component.linker_address, self._context, component.address, at.instance, at.error_address)
        if not c.future_poll(future):
            return self._instantiate_later(future, component)
        self._running = False
        c.future_delete(future)
        self._find_handler(component)
        return None

    async def _instantiate_later(self, future: int, component: NativeComponent) -> None:
        await self._finish(future)
        self._find_handler(component)

    def _find_handler(self, component: NativeComponent) -> None:
        at = self._scratch
        if at.error.value:
            self._fail()
        if not c.instance_get_func(at.instance, self._context, component.export_address, at.function):
            raise GuestFault("the export is not a function")

    def start(self, argument: bytes) -> Awaitable[None] | None:
        """Calls the instance's handler with one lowered argument, whose arena the caller holds until it has the result.

        It has returned at once, or when what is returned was awaited; then `result` has its answer, or raises GuestFault.
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
        """The 32 bytes of the handler's answer, valid until `release`. Raises GuestFault."""
        at = self._scratch
        if at.error.value:
            self._fail()
        return ctypes.string_at(at.result, VALUE_BYTES)

    def release(self) -> None:
        """Frees the memory of the result."""
        c.value_delete(self._scratch.result)

    def _fail(self) -> NoReturn:
        error = self._scratch.error
        assert error.value
        text = take_error(error.value)
        error.value = None
        raise GuestFault(text)

    async def close(self) -> None:
        """Ends the guest and what it waits for. After it, nothing of the call is left."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        try:
            if tasks:
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            self.drop()  # also when cancelled while it waits; gather ends only after its tasks

    def drop(self) -> None:
        """The same where no host call is under way."""
        if calls.pop(self._context, None) is not None:
            c.store_delete(self._store)
            for key in self._pending:  # continuations that Wasmtime will not ask for again
                pending.pop(key, None)
            self.resources.clear()
            if self._scratch.error.value:  # nobody looked at it
                take_error(self._scratch.error.value)
                self._scratch.error.value = None
            _scratches.append(self._scratch)

    @property
    def waiting(self) -> bool:
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


class _Scratch:
    """Memory that every call needs and none leaves anything in: kept from call to call, since making it costs more than using it."""

    __slots__ = ("_memory", "error", "error_address", "function", "instance", "result")

    def __init__(self) -> None:
        self._memory = [ctypes.create_string_buffer(size) for size in (_INSTANCE_BYTES, _FUNCTION_BYTES, VALUE_BYTES)]
        self.instance, self.function, self.result = (ctypes.addressof(memory) for memory in self._memory)
        self.error = c_void_p()
        self.error_address = ctypes.addressof(self.error)


_scratches: list[_Scratch] = []
calls: dict[int, NativeCall] = {}
functions: dict[int, HostFunction] = {}
numbers = itertools.count(1)


def _failed(call: NativeCall, failure: BaseException) -> int:
    if call.failure is None:
        call.failure = failure
    error: int = c.error_new(b"a host function failed")
    return error


@c.callback(c_size_t, c.P, c.P, c.P, c.P, c_size_t, c.P, c_size_t)
def _on_call(function: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int) -> int:
    call = calls[context]
    try:
        functions[function](call, args, results)
    except BaseException as failure:
        return _failed(call, failure)
    return 0


pending: dict[int, tuple[NativeCall, asyncio.Future[None]]] = {}


@c.callback(c_bool, c.P)
def _on_continue(key: int) -> bool:
    call, task = pending[key]
    # A task that failed never continues the guest: by now there is no way to give Wasmtime an error, because the slot for it lived
    # on the stack of the callback. The driver sees the call's failure and ends the guest instead.
    if not task.done() or task.cancelled() or task.exception() is not None:
        return False
    del pending[key]
    call._pending.discard(key)
    return True


_CONTINUE_ADDRESS = c.address_of(_on_continue)
_DONE_KEY = 0


@c.callback(c_bool, c.P)
def _on_done(_key: int) -> bool:
    return True


_DONE_ADDRESS = c.address_of(_on_done)
_DONE = c.continuation.pack(_DONE_ADDRESS, 0, 0)


@c.callback(None, c.P, c.P, c.P, c.P, c_size_t, c.P, c_size_t, c.P, c.P)
def _on_call_async(
    function: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int, error_slot: int, out: int
) -> None:
    call = calls[context]
    try:
        awaitable = functions[function](call, args, results)
        if awaitable is None:
            ctypes.memmove(out, _DONE, 24)
            return
        task = asyncio.ensure_future(awaitable)
        call._started(task)
        key = next(numbers)
        pending[key] = call, task
        call._pending.add(key)
        ctypes.memmove(out, c.continuation.pack(_CONTINUE_ADDRESS, key, 0), 24)
    except BaseException as failure:
        ctypes.memmove(error_slot, _failed(call, failure).to_bytes(8, "little"), 8)
        ctypes.memmove(out, _DONE, 24)


@c.callback(c_size_t, c.P, c.P, c_uint32)
def _on_drop(_env: int, context: int, rep: int) -> int:
    call = calls.get(context)
    if call is not None:
        call.resources.pop(rep, None)
    return 0


ON_CALL, ON_CALL_ASYNC, ON_DROP = c.address_of(_on_call), c.address_of(_on_call_async), c.address_of(_on_drop)
