"""Checks at start, with a tiny component of our own, that the entry points of `wasmtime` behave as the engine needs.

The engine uses parts of the package that are not public. A version that changes them must stop the service with one clear message, and
never reach a tenant's call.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections.abc import Awaitable

from holdfast.engine.call.limits import Limits
from holdfast.engine.capi import VERSION, EngineUnusable, GuestFault, NativeCall, NativeComponent, NativeEngine
from holdfast.engine.values.layout import BYTES_HEADER, VALUE_BYTES, Arena
from holdfast.engine.values.lifting import lifter
from holdfast.engine.values.lowering import lowerer
from holdfast.engine.values.types import Handle, Primitive

_COMPONENT = """
(component
  (import "holdfast:check/host" (instance $host
    (export "thing" (type $thing (sub resource)))
    (export "make" (func (result (own $thing))))
    (export "wait" (func (param "thing" (borrow $thing)) (result u32)))))
  (alias export $host "thing" (type $thing))
  (core func $make (canon lower (func $host "make")))
  (core func $wait (canon lower (func $host "wait")))
  (core func $drop (canon resource.drop $thing))
  (core module $guest
    (import "host" "make" (func $make (result i32)))
    (import "host" "wait" (func $wait (param i32) (result i32)))
    (import "host" "drop" (func $drop (param i32)))
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024))
    (func (export "check") (param $at i32) (param $length i32) (result i32)
      (local $thing i32)
      (local.set $thing (call $make))
      (i32.store (i32.const 0) (local.get $at))
      (i32.store (i32.const 4) (i32.sub (local.get $length) (call $wait (local.get $thing))))
      (call $drop (local.get $thing))
      (i32.const 0)))
  (core instance $instance (instantiate $guest
    (with "host" (instance (export "make" (func $make)) (export "wait" (func $wait)) (export "drop" (func $drop))))))
  (func (export "check") (param "text" string) (result string)
    (canon lift (core func $instance "check") (memory $instance "memory") (realloc (func $instance "realloc")))))
"""

_RESOURCE = 1_000_000
_TEXT = "holdfast…"


class _Thing:
    resource_type = _RESOURCE


async def check_wasmtime(engine: NativeEngine) -> None:
    """Runs the component. Raises EngineUnusable, whose message names the step that failed."""
    step = "the memory layout of bytes objects"
    sample = b"holdfast"
    try:
        _check(ctypes.string_at(id(sample) + BYTES_HEADER, len(sample)) == sample)
        step = "compiling a component"
        component = NativeComponent.compile_here(engine, _COMPONENT)
        step = "the component's imports and exports"
        (imported,) = component.imports
        _check(imported.resources == ("thing",) and set(imported.functions) == {"make", "wait"})
        _check(component.exports["check"].params[0][1] == Primitive("string"))
        step = "defining host functions and resources"
        component.define("holdfast:check/host", {"make": (_make, False), "wait": (_wait, True)}, {"thing": _RESOURCE})
        component.choose_export("check")
        call = NativeCall(engine, None, Limits(memory_mb=1))
        try:
            step = "instantiating asynchronously"
            waits = call.instantiate(component.linked)
            if waits is not None:
                await waits
            step = "calling asynchronously, with a host function that waits"
            arena = Arena()
            waits = call.start(lowerer(Primitive("string"))(_TEXT, arena))
            _check(waits is not None)
            if waits is not None:
                await waits
            step = "reading a result"
            _check(lifter(Primitive("string"))(call.result(), 0, call) == _TEXT[:-1])
            call.release()
            step = "dropping a resource"
            _check(not call.resources)
        finally:
            await call.close()
    except (_Unexpected, GuestFault, ValueError, KeyError) as reason:
        raise EngineUnusable(
            f"wasmtime {VERSION} does not behave as the engine needs: {step} failed ({reason}). Install the pinned version of wasmtime."
        ) from reason


class _Unexpected(Exception):
    """Raised when a value differs from the one the engine relies on."""


def _check(condition: bool) -> None:
    if not condition:
        raise _Unexpected("an unexpected value")


def _make(call: NativeCall, args: int, results: int) -> None:
    arena = Arena(call)
    call.write_result(results, lowerer(Handle(owned=True))(call.add_resource(_Thing()), arena), arena)


def _wait(call: NativeCall, args: int, results: int) -> Awaitable[None]:
    number = lifter(Handle(owned=False))(ctypes.string_at(args, VALUE_BYTES), 0, call)
    _check(isinstance(call.resources[number], _Thing))

    async def later() -> None:
        await asyncio.sleep(0)
        arena = Arena(call)
        # "…" is three bytes in UTF-8: the guest returns its text without them.
        call.write_result(results, lowerer(Primitive("u32"))(3, arena), arena)

    return later()
