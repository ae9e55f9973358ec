"""Makes a loaded component callable: checks every import and the export against the world, and links them to host functions."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Awaitable
from typing import Any, Protocol

from holdfast.engine import wasi
from holdfast.engine.capi import HostFunction, ImportedInterface, NativeCall, NativeComponent
from holdfast.engine.compiling.errors import HandlerMissing, IncompatibleComponent
from holdfast.engine.outcome import Host, LimitReached
from holdfast.engine.values.generated_lowering import flat_lowerer
from holdfast.engine.values.layout import VALUE_BYTES, Arena, Err, Lift, Lower, Ok
from holdfast.engine.values.lifting import lifter
from holdfast.engine.values.lowering import lowerer
from holdfast.engine.values.shapes import Signature, difference, shape_of, signature_of
from holdfast.world.functions import EXPORT, FUNCTIONS, FUNCTIONS_BY_ID, PACKAGE, Function, WitError
from holdfast.world.types import ExecuteRequest, ExecuteResponse

_WASI = re.compile(r"wasi:(?P<interface>[a-z0-9-]+/[a-z0-9-]+)@0\.2\.\d+(?:-[0-9A-Za-z.-]+)?")
_HANDLER = Signature((("request", shape_of(ExecuteRequest)),), shape_of(ExecuteResponse))

lower_request: Lower = flat_lowerer(ExecuteRequest)
lift_response: Lift = lifter(shape_of(ExecuteResponse), ExecuteResponse)


class WorldState(Protocol):
    """What a call's state offers to the world's functions."""

    host: Host
    host_calls_left: int


def link(component: NativeComponent) -> None:
    """Checks and links. Raises HandlerMissing or IncompatibleComponent, naming the function and what differs."""
    _check_handler(component)
    if component.other_imports:
        raise IncompatibleComponent(
            f"The component imports `{component.other_imports[0]}`, which the world `{PACKAGE}/runner` does not have.",
            hint="Build it against the WIT of this host; `holdfast build` does.",
        )
    for interface in component.imports:
        world = interface.name.removeprefix(f"{PACKAGE}/")
        wasi_name = _WASI.fullmatch(interface.name)
        if world != interface.name:
            functions = {name: (_world_function(world, name, given), True) for name, given in interface.functions.items()}
        elif wasi_name:
            functions = _wasi_functions(wasi_name["interface"], interface)
        else:
            raise IncompatibleComponent(
                f"The component imports `{interface.name}`, which this host does not have.",
                hint="Extensions get the interfaces of `alga:extension` and WASI 0.2; build for those.",
            )
        component.define(interface.name, functions, {name: wasi.resource_type(name) for name in interface.resources})
    component.choose_export(EXPORT)


def _check_handler(component: NativeComponent) -> None:
    handler = component.exports.get(EXPORT)
    if handler is None:
        raise HandlerMissing(
            f"The component does not export `{EXPORT}`.", hint="Export a function `handler`; `holdfast build` makes the export from it."
        )
    differs = difference(_HANDLER, handler)
    if differs:
        raise HandlerMissing(
            f"The component's `{EXPORT}` has other types than the world gives it: {differs}.", hint="Build it against the WIT of this host."
        )


def _world_function(interface: str, name: str, given: Signature) -> HostFunction:
    function = FUNCTIONS_BY_ID.get(f"{interface}.{name}")
    if function is None:
        raise IncompatibleComponent(
            f"The component imports `{PACKAGE}/{interface}` `{name}`, which the world does not have.",
            hint="Build it against the WIT of this host; `holdfast build` does.",
        )
    differs = difference(signature_of(function), given)
    if differs:
        raise IncompatibleComponent(
            f"The component's import `{PACKAGE}/{interface}` `{name}` has other types than the world gives it: {differs}.",
            hint="Build it against the WIT of this host; `holdfast build` does.",
        )
    return _WORLD[function.id]


def _bind(function: Function) -> HostFunction:
    lifts: list[Lift] = [lifter(shape_of(annotation), annotation) for _, annotation in function.params]
    result = signature_of(function).result
    lower = None if result is None else lowerer(result)
    size = VALUE_BYTES * len(lifts)
    has_error = function.err is not None

    async def answer(call: NativeCall, values: tuple[object, ...], results: int) -> None:
        state: WorldState = call.state
        try:
            value = await state.host.call(function, values)
            if has_error:
                value = Ok(value)
        except WitError as error:
            if not has_error:
                raise
            value = Err(error.case)
        if lower is not None:
            arena = Arena(call)
            call.give(results, lower(value, arena), arena)

    def invoke(call: NativeCall, args: int, results: int) -> Awaitable[None]:
        state: WorldState = call.state
        if state.host_calls_left <= 0:
            raise LimitReached("the call made more host calls than its limit")
        state.host_calls_left -= 1
        raw = ctypes.string_at(args, size) if size else b""
        values = tuple([lift(raw, VALUE_BYTES * index, call) for index, lift in enumerate(lifts)])
        return answer(call, values, results)

    return invoke


# Made when the service starts, not when its first call waits; the same for every component, since its types are found equal to these.
_WORLD: dict[str, HostFunction] = {function.id: _bind(function) for function in FUNCTIONS}


def _wasi_functions(interface: str, imported: ImportedInterface) -> dict[str, tuple[HostFunction, bool]]:
    functions: dict[str, tuple[HostFunction, bool]] = {}
    for name, signature in imported.functions.items():
        waits = (interface, name) in wasi.WAITING
        functions[name] = (_bind_system(wasi.implementation(interface, name, signature), signature, waits), waits)
    return functions


def _bind_system(implementation: wasi.Implementation, signature: Signature, waits: bool) -> HostFunction:
    lifts = [lifter(shape) for _, shape in signature.params]
    lower = None if signature.result is None else lowerer(signature.result)
    size = VALUE_BYTES * len(lifts)

    def give(call: NativeCall, results: int, value: Any) -> None:
        if lower is not None:
            arena = Arena(call)
            call.give(results, lower(value, arena), arena)

    async def wait(call: NativeCall, results: int, awaitable: Awaitable[Any]) -> None:
        give(call, results, await awaitable)

    def invoke(call: NativeCall, args: int, results: int) -> Awaitable[None] | None:
        raw = ctypes.string_at(args, size) if size else b""
        value = implementation(call, *[lift(raw, VALUE_BYTES * index, call) for index, lift in enumerate(lifts)])
        if waits:
            return wait(call, results, value)
        give(call, results, value)
        return None

    return invoke
