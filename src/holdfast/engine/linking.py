"""Links a loaded component: checks every import and the export against the world, and connects the imports to host functions."""

from __future__ import annotations

import ctypes
import re
from collections.abc import Awaitable
from typing import Any, Protocol

from holdfast.engine import wasi
from holdfast.engine.call.errors import LimitReached
from holdfast.engine.call.host import Host
from holdfast.engine.capi import HostFunction, ImportedInterface, NativeCall, NativeComponent
from holdfast.engine.compiling.errors import ComponentError
from holdfast.engine.values.generated_lowering import generate_lowerer
from holdfast.engine.values.layout import VALUE_BYTES, Arena, Err, Lift, Lower, Ok
from holdfast.engine.values.lifting import lifter
from holdfast.engine.values.lowering import lowerer
from holdfast.engine.values.types import Primitive, Signature, describe_difference, signature_of, value_type_of
from holdfast.world.functions import EXPORT, FUNCTIONS, FUNCTIONS_BY_ID, PACKAGE, Function, WitError
from holdfast.world.types import ExecuteRequest, ExecuteResponse

_WASI = re.compile(r"wasi:(?P<interface>[a-z0-9-]+/[a-z0-9-]+)@0\.2\.\d+(?:-[0-9A-Za-z.-]+)?")
_SOURCE = "holdfast:development/source@0.1.0"
_READ = Signature((), Primitive("string"))
_HANDLER = Signature((("request", value_type_of(ExecuteRequest)),), value_type_of(ExecuteResponse))

lower_request: Lower = lowerer(value_type_of(ExecuteRequest))
"""Lowers a request by walking its type."""

generated_lower_request: Lower = generate_lowerer(ExecuteRequest)
"""The same in generated code, a speed trick; `Engine(generated_lowering=False)` turns it off."""

lift_response: Lift = lifter(value_type_of(ExecuteResponse), ExecuteResponse)


class WorldState(Protocol):
    """The part of a call's state that the world's functions use."""

    host: Host
    host_calls_left: int
    source_text: str | None


def needs_source(component: NativeComponent) -> bool:
    """Whether it is a development component, which contains no handler and reads the code of one in each call."""
    return any(interface.name == _SOURCE for interface in component.imports)


def link(component: NativeComponent) -> None:
    """Checks and links the component. Raises ComponentError (`handler_missing`, `incompatible_component`)."""
    _check_handler(component)
    if component.other_imports:
        raise ComponentError(
            "incompatible_component",
            f"The component imports `{component.other_imports[0]}`, which the world `{PACKAGE}/runner` does not have.",
            hint="Build it against the WIT of this host; `holdfast build` does.",
        )
    for interface in component.imports:
        world = interface.name.removeprefix(f"{PACKAGE}/")
        wasi_name = _WASI.fullmatch(interface.name)
        if world != interface.name:
            functions = {name: (_world_function(world, name, signature), True) for name, signature in interface.functions.items()}
        elif interface.name == _SOURCE and interface.functions == {"read": _READ}:
            functions = {"read": (_read_source, False)}
        elif wasi_name:
            functions = _wasi_functions(wasi_name["interface"], interface)
        else:
            raise ComponentError(
                "incompatible_component",
                f"The component imports `{interface.name}`, which this host does not have.",
                hint="Extensions can import the interfaces of `alga:extension` and WASI 0.2; build for those.",
            )
        component.define(interface.name, functions, {name: wasi.resource_type(name) for name in interface.resources})
    component.choose_export(EXPORT)


def _check_handler(component: NativeComponent) -> None:
    handler = component.exports.get(EXPORT)
    if handler is None:
        raise ComponentError(
            "handler_missing",
            f"The component does not export `{EXPORT}`.",
            hint="Export a function `handler`; `holdfast build` generates the component export from it.",
        )
    differs = describe_difference(_HANDLER, handler)
    if differs:
        raise ComponentError(
            "handler_missing",
            f"The component's `{EXPORT}` has other types than in the world: {differs}.",
            hint="Build it against the WIT of this host.",
        )


def _world_function(interface: str, name: str, imported: Signature) -> HostFunction:
    function = FUNCTIONS_BY_ID.get(f"{interface}.{name}")
    if function is None:
        raise ComponentError(
            "incompatible_component",
            f"The component imports `{PACKAGE}/{interface}` `{name}`, which the world does not have.",
            hint="Build it against the WIT of this host; `holdfast build` does.",
        )
    differs = describe_difference(signature_of(function), imported)
    if differs:
        raise ComponentError(
            "incompatible_component",
            f"The component's import `{PACKAGE}/{interface}` `{name}` has other types than in the world: {differs}.",
            hint="Build it against the WIT of this host; `holdfast build` does.",
        )
    return _WORLD[function.id]


def _bind(function: Function) -> HostFunction:
    lifts: list[Lift] = [lifter(value_type_of(annotation), annotation) for _, annotation in function.params]
    result = signature_of(function).result
    lower = None if result is None else lowerer(result)
    size = VALUE_BYTES * len(lifts)
    has_error = function.err is not None

    async def run(call: NativeCall, values: tuple[object, ...], results: int) -> None:
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
            call.write_result(results, lower(value, arena), arena)

    def invoke(call: NativeCall, args: int, results: int) -> Awaitable[None]:
        state: WorldState = call.state
        if state.host_calls_left <= 0:
            raise LimitReached("the call made more host calls than its limit")
        state.host_calls_left -= 1
        raw = ctypes.string_at(args, size) if size else b""
        values = tuple([lift(raw, VALUE_BYTES * index, call) for index, lift in enumerate(lifts)])
        return run(call, values, results)

    return invoke


# Compiled when the service starts and not in its first call. One table serves every component: linking checks that its types are equal.
_WORLD: dict[str, HostFunction] = {function.id: _bind(function) for function in FUNCTIONS}


_lower_source = lowerer(Primitive("string"))


def _read_source(call: NativeCall, args: int, results: int) -> None:
    del args  # there are none
    state: WorldState = call.state
    if state.source_text is None:
        raise LimitReached("this component runs code that `holdfast dev` provides, and there is none")
    arena = Arena(call)
    call.write_result(results, _lower_source(state.source_text, arena), arena)


def _wasi_functions(interface: str, imported: ImportedInterface) -> dict[str, tuple[HostFunction, bool]]:
    functions: dict[str, tuple[HostFunction, bool]] = {}
    for name, signature in imported.functions.items():
        waits = (interface, name) in wasi.WAITING
        functions[name] = (_bind_wasi(wasi.implementation(interface, name, signature), signature, waits), waits)
    return functions


def _bind_wasi(implementation: wasi.Implementation, signature: Signature, waits: bool) -> HostFunction:
    lifts = [lifter(value_type) for _, value_type in signature.params]
    lower = None if signature.result is None else lowerer(signature.result)
    size = VALUE_BYTES * len(lifts)

    def write(call: NativeCall, results: int, value: Any) -> None:
        if lower is not None:
            arena = Arena(call)
            call.write_result(results, lower(value, arena), arena)

    async def wait(call: NativeCall, results: int, awaitable: Awaitable[Any]) -> None:
        write(call, results, await awaitable)

    def invoke(call: NativeCall, args: int, results: int) -> Awaitable[None] | None:
        raw = ctypes.string_at(args, size) if size else b""
        value = implementation(call, *[lift(raw, VALUE_BYTES * index, call) for index, lift in enumerate(lifts)])
        if waits:
            return wait(call, results, value)
        write(call, results, value)
        return None

    return invoke
