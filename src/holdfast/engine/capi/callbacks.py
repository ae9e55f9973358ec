"""The C callbacks through which Wasmtime runs host functions, and the table of those functions. Nothing here raises into C.

    guest calls an import
        │
    on_call ──────────── returns ──► result written           raises ──► error 1 returned, call.failure set
    on_call_async ─┬──── returns None ──► continuation `done`   raises ──► error written to its slot, call.failure set
                   └──── returns an awaitable ──► task, continuation `continue(key)`
                                                     │ Wasmtime asks at every poll
                         task failed or running ─────┤  False: the guest stays suspended; NativeCall ends it when it sees the failure
                         task done ──────────────────┘  True: the guest resumes

An exception that leaves a ctypes callback is printed and dropped, and the guest then waits forever. Every callback therefore catches
everything, stores the exception in the call, and completes with an error.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Awaitable
from ctypes import c_bool, c_size_t, c_uint32
from typing import Protocol

from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.calls import NativeCall, numbers, pending, running_calls


class HostFunction(Protocol):
    """A host function as callbacks see it: reads arguments at `args`, and writes its result with `call.write_result` at once or later."""

    def __call__(self, call: NativeCall, args: int, results: int) -> Awaitable[None] | None: ...


host_functions: dict[int, HostFunction] = {}
"""Host functions by the key that Wasmtime passes to the callback. A component registers its own and removes them when it is freed."""


def _fail(call: NativeCall, failure: BaseException) -> int:
    """Records the first failure of the call. Returns the error that Wasmtime receives, which it then owns."""
    if call.failure is None:
        call.failure = failure
    error: int = c.error_new(b"a host function failed")
    return error


@c.callback(c_size_t, c.P, c.P, c.P, c.P, c_size_t, c.P, c_size_t)
def _on_call(function: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int) -> int:
    call = running_calls[context]
    try:
        host_functions[function](call, args, results)
    except BaseException as failure:
        return _fail(call, failure)
    return 0


@c.callback(c_bool, c.P)
def _on_continue(key: int) -> bool:
    call, task = pending[key]
    # A failed task never resumes the guest: it is too late to pass Wasmtime an error, because the slot for it was on the stack of
    # `_on_call_async`. NativeCall sees the call's failure and ends the guest instead.
    if not task.done() or task.cancelled() or task.exception() is not None:
        return False
    del pending[key]
    call._pending.discard(key)
    return True


@c.callback(c_bool, c.P)
def _on_done(_key: int) -> bool:
    return True


_CONTINUATION_BYTES = 24
_CONTINUE_ADDRESS = c.address_of(_on_continue)
_DONE = c.continuation.pack(c.address_of(_on_done), 0, 0)


@c.callback(None, c.P, c.P, c.P, c.P, c_size_t, c.P, c_size_t, c.P, c.P)
def _on_call_async(
    function: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int, error_slot: int, out: int
) -> None:
    call = running_calls[context]
    try:
        awaitable = host_functions[function](call, args, results)
        if awaitable is None:
            ctypes.memmove(out, _DONE, _CONTINUATION_BYTES)
            return
        task = asyncio.ensure_future(awaitable)
        call._started(task)
        key = next(numbers)
        pending[key] = call, task
        call._pending.add(key)
        ctypes.memmove(out, c.continuation.pack(_CONTINUE_ADDRESS, key, 0), _CONTINUATION_BYTES)
    except BaseException as failure:
        ctypes.memmove(error_slot, _fail(call, failure).to_bytes(8, "little"), 8)
        ctypes.memmove(out, _DONE, _CONTINUATION_BYTES)


@c.callback(c_size_t, c.P, c.P, c_uint32)
def _on_drop(_env: int, context: int, rep: int) -> int:
    # The call is gone already when deleting its store drops what the guest still held.
    call = running_calls.get(context)
    if call is not None:
        call.resources.pop(rep, None)
    return 0


ON_CALL, ON_CALL_ASYNC, ON_DROP = c.address_of(_on_call), c.address_of(_on_call_async), c.address_of(_on_drop)
