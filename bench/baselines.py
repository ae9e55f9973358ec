"""What the engine is compared with: Wasmtime without it."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wasmtime import Engine, Store
from wasmtime.component import Component, Linker, Record

from holdfast.engine.capi import PoolSizes
from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.engines import engine_config
from holdfast.engine.linking import generated_lower_request as lower_request
from holdfast.engine.values.layout import BYTES_HEADER, Arena
from holdfast.world.types import ExecuteRequest

_instantiate = c.entry_point("wasmtime_component_linker_instantiate", c.P, c.P, c.P, c.P, c.P)
_call = c.entry_point("wasmtime_component_func_call", c.P, c.P, c.P, c.P, ctypes.c_size_t, c.P, ctypes.c_size_t)
_NEVER = 10**9


def bare_c_api(wasm: Path, request: ExecuteRequest, pool: PoolSizes | None) -> Callable[[], None]:
    """The synchronous C API and nothing else: store, instantiate, call, drop. Arguments are prepared once, results are not read."""
    engine = Engine(engine_config(pool))
    component = Component.from_file(engine, str(wasm))
    linker = Linker(engine)
    linker.define_unknown_imports_as_traps(component)
    index = component.get_export_index("handler")
    assert index is not None
    addresses = [c.address_of(part.ptr()) for part in (engine, linker, component, index)]
    engine_at, linker_at, component_at, index_at = addresses
    arena = Arena()
    arguments = lower_request(request, arena)
    instance, function, result = (ctypes.create_string_buffer(64) for _ in range(3))
    keep = (engine, component, linker, index, arena)

    def call() -> None:
        assert keep
        store = c.store_new(engine_at, None, None)
        context = c.store_context(store)
        c.set_epoch_deadline(context, _NEVER)
        error = _instantiate(linker_at, context, component_at, instance)
        assert not error, c.take_error(error)
        c.instance_get_func(instance, context, index_at, function)
        error = _call(function, context, id(arguments) + BYTES_HEADER, 1, result, 1)
        assert not error, c.take_error(error)
        c.value_delete(result)
        c.store_delete(store)

    return call


def public_api(wasm: Path, request: ExecuteRequest) -> Callable[[], Any]:
    """The package's own interface, with its own conversion of values and memory on demand."""
    engine = Engine(engine_config(None))
    component = Component.from_file(engine, str(wasm))
    linker = Linker(engine)
    linker.define_unknown_imports_as_traps(component)

    def record(**fields: Any) -> Record:
        made = Record()
        for name, value in fields.items():
            setattr(made, name.replace("_", "-"), value)
        return made

    context, http = request.context, request.http
    argument = record(
        context=record(**{name: getattr(context, name) for name in context.__struct_fields__}),
        http=record(method=http.method, url=http.url, headers=[], body=http.body),
    )

    def call() -> Any:
        store = Store(engine)
        store.set_epoch_deadline(_NEVER)
        function = linker.instantiate(store, component).get_func(store, "handler")
        assert function is not None
        answer = function(store, argument)
        store.close()
        return answer

    return call


def compile_seconds(wasm: Path) -> float:
    """The time of one compilation in this process, with every core: what a host pays that compiles for each request."""
    import time

    engine, content = Engine(engine_config(None)), wasm.read_bytes()
    started = time.perf_counter()
    Component(engine, content)
    return time.perf_counter() - started
