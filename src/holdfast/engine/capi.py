"""The only module that touches `wasmtime`: its C API by addresses, with the asynchronous entry points that the package does not wrap.

Everything above deals in plain data: shapes, addresses as ints, and three objects: NativeEngine, NativeComponent, NativeStore. Host
functions are registered once per component as `(call, args, results) -> …`; which call runs is found by the address of its store.
Nothing here raises into C: what a callback raises is kept in the call and ends it.
"""

from __future__ import annotations

import asyncio
import ctypes
import importlib.metadata
import itertools
import struct
from collections.abc import Awaitable, Callable
from ctypes import byref, c_bool, c_char_p, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import msgspec
from wasmtime import Config, Engine, WasmtimeError
from wasmtime import _ffi as ffi
from wasmtime import component as wc
from wasmtime.component import _types as wt

from holdfast.engine import shapes as s
from holdfast.engine.values import BYTES_HEADER as BYTES_HEADER
from holdfast.engine.values import VALUE_BYTES, Arena

VERSION: str = importlib.metadata.version("wasmtime")


class EngineUnusable(RuntimeError):
    """The installed wasmtime lacks an entry point this module needs. Raised when the module's self-check runs, before any guest does."""


def _c(name: str, result: Any, *arguments: Any) -> Any:
    """An entry point with our own prototype: addresses are ints, which is several times cheaper than typed pointers."""
    try:
        # dll[name] makes a new function object; dll.name is shared with the package, whose prototype must stay as it is.
        function = ffi.dll[name]
    except AttributeError:
        raise EngineUnusable(f"wasmtime {VERSION} has no entry point {name}; install the pinned version of wasmtime.") from None
    function.restype = result
    function.argtypes = list(arguments)
    return function


_P = c_void_p
_F = TypeVar("_F", bound=Callable[..., Any])


def _callback(result: Any, *arguments: Any) -> Callable[[_F], _F]:
    """Makes a C callback of a function, whose exceptions must all be caught inside: ctypes prints and swallows what escapes."""
    return cast(Callable[[_F], _F], ctypes.CFUNCTYPE(result, *arguments))


_store_new = _c("wasmtime_store_new", _P, _P, _P, _P)
_store_context = _c("wasmtime_store_context", _P, _P)
_store_delete = _c("wasmtime_store_delete", None, _P)
_store_limiter = _c("wasmtime_store_limiter", None, _P, c_int64, c_int64, c_int64, c_int64, c_int64)
_set_epoch_deadline = _c("wasmtime_context_set_epoch_deadline", None, _P, c_uint64)
# The header declares an error as its result, but the function returns nothing: what is in the register must not be looked at.
_epoch_yield = _c("wasmtime_context_epoch_deadline_async_yield_and_update", None, _P, c_uint64)
_engine_increment_epoch = _c("wasmtime_engine_increment_epoch", None, _P)
_error_new = _c("wasmtime_error_new", _P, c_char_p)
_error_message = _c("wasmtime_error_message", None, _P, _P)
_error_exit_status = _c("wasmtime_error_exit_status", c_bool, _P, _P)
_error_delete = _c("wasmtime_error_delete", None, _P)
_byte_vec_delete = _c("wasm_byte_vec_delete", None, _P)
_value_clone = _c("wasmtime_component_val_clone", None, _P, _P)
_value_delete = _c("wasmtime_component_val_delete", None, _P)
_resource_to_host = _c("wasmtime_component_resource_any_to_host", _P, _P, _P, _P)
_resource_to_any = _c("wasmtime_component_resource_host_to_any", _P, _P, _P, _P)
_resource_any_delete = _c("wasmtime_component_resource_any_delete", None, _P)
_resource_host_new = _c("wasmtime_component_resource_host_new", _P, c_bool, c_uint32, c_uint32)
_resource_host_rep = _c("wasmtime_component_resource_host_rep", c_uint32, _P)
_resource_host_delete = _c("wasmtime_component_resource_host_delete", None, _P)
_linker_instantiate_async = _c("wasmtime_component_linker_instantiate_async", _P, _P, _P, _P, _P, _P)
_instance_get_func = _c("wasmtime_component_instance_get_func", c_bool, _P, _P, _P, _P)
_func_call_async = _c("wasmtime_component_func_call_async", _P, _P, _P, _P, c_size_t, _P, c_size_t, _P)
_future_poll = _c("wasmtime_call_future_poll", c_bool, _P)
_future_delete = _c("wasmtime_call_future_delete", None, _P)
_linker_add_func = _c("wasmtime_component_linker_instance_add_func", _P, _P, c_char_p, c_size_t, _P, _P, _P)
_linker_add_func_async = _c("wasmtime_component_linker_instance_add_func_async", _P, _P, c_char_p, c_size_t, _P, _P, _P)
_linker_add_resource = _c("wasmtime_component_linker_instance_add_resource", _P, _P, c_char_p, c_size_t, _P, _P, _P, _P)

_pair = struct.Struct("<QQ")
_continuation = struct.Struct("<QQQ")


def _address(pointer: Any) -> int:
    return ctypes.cast(pointer, c_void_p).value or 0


def take_error(error: int) -> str:
    """The full text of a `wasmtime_error_t`, which is consumed: context, guest backtrace and causes as Wasmtime prints them."""
    message = ctypes.create_string_buffer(16)
    _error_message(error, message)
    size, data = _pair.unpack(message.raw)
    text = ctypes.string_at(data, size).decode(errors="replace")
    _byte_vec_delete(message)
    _error_delete(error)
    return text


class GuestFault(Exception):
    """Wasmtime ended the call: a trap, a refused instantiation, or an error that a host function asked for. The text is Wasmtime's."""


# ---- the state that callbacks find -------------------------------------------------------------------------------------------


class HostFunction(Protocol):
    """A host function as callbacks see it: reads arguments at `args`, and writes its result through `call.give` at once or later."""

    def __call__(self, call: NativeCall, args: int, results: int) -> Awaitable[None] | None: ...


class NativeCall:
    """One store and the calls made in it. Lives on one event loop; `failure` is the first exception a host function raised."""

    __slots__ = ("_context", "_keep", "_owned", "_pending", "_store", "_tasks", "_wake", "failure", "resources", "state")

    def __init__(
        self, engine: NativeEngine, state: Any, *, memory_bytes: int, memories: int, tables: int, table_elements: int, instances: int
    ):
        self._store = _store_new(engine.address, None, None)
        self._context: int = _store_context(self._store)
        self.state = state
        self.failure: BaseException | None = None
        self.resources: dict[int, Any] = {}
        self._tasks: set[asyncio.Future[None]] = set()
        self._wake = asyncio.Event()
        self._owned: list[int] = []
        self._keep: list[Any] = []
        self._pending: list[int] = []
        _store_limiter(self._store, memory_bytes, table_elements, instances, tables, memories)
        # One tick: a guest that computes gives the loop back at every tick of the engine's clock.
        _set_epoch_deadline(self._context, 1)
        _epoch_yield(self._context, 1)
        _calls[self._context] = self

    # Resources: the guest sees handles, the host sees the objects behind the numbers.

    def number(self, resource: int) -> int:
        host = c_void_p()
        error = _resource_to_host(self._context, resource, byref(host))
        if error:
            raise GuestFault(take_error(error))
        rep: int = _resource_host_rep(host)
        _resource_host_delete(host)
        return rep

    def own(self, number: int) -> int:
        host = _resource_host_new(True, number, self.resources[number].resource_type)
        any_resource = c_void_p()
        error = _resource_to_any(self._context, host, byref(any_resource))
        _resource_host_delete(host)
        if error:
            raise GuestFault(take_error(error))
        assert any_resource.value
        self._owned.append(any_resource.value)
        return any_resource.value

    def keep(self, thing: Any) -> int:
        """Puts a host object into the call and gives its number, for `own`."""
        number = next(_numbers) & 0x7FFFFFFF
        self.resources[number] = thing
        return number

    def give(self, results: int, value: bytes, arena: Arena) -> None:
        """Writes a lowered value as the result of a host function: Wasmtime owns the copy, the arena may go."""
        _value_clone(id(value) + BYTES_HEADER, results)
        while self._owned:
            _resource_any_delete(self._owned.pop())

    # Running.

    async def _drive(self, future: int) -> None:
        try:
            while not _future_poll(future):  # gives the loop back after one tick at most
                if self._tasks:
                    await self._wake.wait()
                    self._wake.clear()
                    if self.failure is not None:
                        raise GuestFault("a host function failed")
                else:
                    await asyncio.sleep(0)
        finally:
            _future_delete(future)  # also when cancelled: the guest is gone

    async def instantiate(self, component: NativeComponent) -> int:
        """A fresh instance of a linked component. Returns the address of its handler function. Raises GuestFault."""
        instance, function = ctypes.create_string_buffer(_INSTANCE_BYTES), ctypes.create_string_buffer(_FUNCTION_BYTES)
        error = c_void_p()
        self._keep += (instance, function, error)
        await self._drive(_linker_instantiate_async(component.linker_address, self._context, component.address, instance, byref(error)))
        self._check(error)
        if not _instance_get_func(instance, self._context, component.export_address, function):
            raise GuestFault("the export is not a function")
        return ctypes.addressof(function)

    async def call(self, function: int, arguments: bytes, count: int) -> bytes:
        """Calls a function with lowered arguments. Returns the 32 bytes of its result, valid until `release`. Raises GuestFault."""
        result, error = ctypes.create_string_buffer(VALUE_BYTES), c_void_p()
        self._keep += (arguments, result, error)
        await self._drive(_func_call_async(function, self._context, id(arguments) + BYTES_HEADER, count, result, 1, byref(error)))
        self._check(error)
        return result.raw

    def release(self, result: bytes) -> None:
        """Frees the memory of a result of `call`."""
        _value_delete(ctypes.create_string_buffer(result, VALUE_BYTES))

    def _check(self, error: c_void_p) -> None:
        if error.value:
            text = take_error(error.value)
            error.value = None
            raise GuestFault(text)

    async def close(self) -> None:
        """Ends the guest and what it waits for. After it, nothing of the call is left."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)
        self.drop()

    def drop(self) -> None:
        """The same where no host call is under way."""
        if _calls.pop(self._context, None) is not None:
            _store_delete(self._store)
            for key in self._pending:  # continuations that Wasmtime will not ask for again
                _pending.pop(key, None)
            self.resources.clear()
            self._keep.clear()

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
        self._wake.set()


_calls: dict[int, NativeCall] = {}
_functions: dict[int, HostFunction] = {}
_numbers = itertools.count(1)


def _failed(call: NativeCall, failure: BaseException) -> int:
    if call.failure is None:
        call.failure = failure
    error: int = _error_new(b"a host function failed")
    return error


@_callback(c_size_t, _P, _P, _P, _P, c_size_t, _P, c_size_t)
def _on_call(function: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int) -> int:
    call = _calls[context]
    try:
        _functions[function](call, args, results)
    except BaseException as failure:
        return _failed(call, failure)
    return 0


_pending: dict[int, asyncio.Future[None]] = {}


@_callback(c_bool, _P)
def _on_continue(key: int) -> bool:
    task = _pending[key]
    # A task that failed never continues the guest: by now there is no way to give Wasmtime an error, because the slot for it lived
    # on the stack of the callback. The driver sees the call's failure and ends the guest instead.
    if not task.done() or task.cancelled() or task.exception() is not None:
        return False
    del _pending[key]
    return True


_CONTINUE_ADDRESS = _address(_on_continue)
_DONE_KEY = 0


@_callback(c_bool, _P)
def _on_done(_key: int) -> bool:
    return True


_DONE_ADDRESS = _address(_on_done)
_DONE = _continuation.pack(_DONE_ADDRESS, 0, 0)


@_callback(None, _P, _P, _P, _P, c_size_t, _P, c_size_t, _P, _P)
def _on_call_async(
    function: int, context: int, _type: int, args: int, _nargs: int, results: int, _nresults: int, error_slot: int, out: int
) -> None:
    call = _calls[context]
    try:
        awaitable = _functions[function](call, args, results)
        if awaitable is None:
            ctypes.memmove(out, _DONE, 24)
            return
        task = asyncio.ensure_future(awaitable)
        call._started(task)
        key = next(_numbers)
        _pending[key] = task
        call._pending.append(key)
        ctypes.memmove(out, _continuation.pack(_CONTINUE_ADDRESS, key, 0), 24)
    except BaseException as failure:
        ctypes.memmove(error_slot, _failed(call, failure).to_bytes(8, "little"), 8)
        ctypes.memmove(out, _DONE, 24)


@_callback(c_size_t, _P, _P, c_uint32)
def _on_drop(_env: int, context: int, rep: int) -> int:
    call = _calls.get(context)
    if call is not None:
        call.resources.pop(rep, None)
    return 0


_ON_CALL, _ON_CALL_ASYNC, _ON_DROP = _address(_on_call), _address(_on_call_async), _address(_on_drop)
_INSTANCE_BYTES = ctypes.sizeof(ffi.wasmtime_component_instance_t)
_FUNCTION_BYTES = ctypes.sizeof(ffi.wasmtime_component_func_t)


# ---- engine ------------------------------------------------------------------------------------------------------------------


class PoolSizes(msgspec.Struct, frozen=True, kw_only=True):
    """How much the pooling allocator reserves. `instances` is component instances alive at once."""

    instances: int = 256
    memory_bytes: int = 1 << 30
    linear_memory_keep_resident: int = 2 << 20
    table_keep_resident: int = 1 << 20
    stack_keep_resident: int = 256 << 10
    unused_warm_slots: int = 32


def _config(pool: PoolSizes | None) -> Config:
    """The one configuration. All but the allocator is equal in the serving and the compiling process, or artifacts would not load."""
    config = Config()
    config.epoch_interruption = True
    config.wasm_component_model = True
    config.parallel_compilation = True
    for name in ("wasm_threads", "shared_memory", "wasm_memory64", "wasm_gc", "wasm_function_references", "wasm_stack_switching"):
        getattr(ffi, f"wasmtime_config_{name}_set")(config.ptr(), False)
    ffi.wasmtime_config_wasm_relaxed_simd_deterministic_set(config.ptr(), True)
    if pool is not None:
        allocation = ffi.wasmtime_pooling_allocation_config_new()
        sizes = {
            "total_component_instances": pool.instances,
            "total_core_instances": pool.instances * 16,
            "total_memories": pool.instances * 4,
            "total_tables": pool.instances * 16,
            "total_stacks": pool.instances * 2,
            "max_core_instances_per_component": 100,
            "max_memories_per_component": 8,
            "max_tables_per_component": 64,
            "table_elements": 100_000,
            "max_component_instance_size": 4 << 20,
            "max_core_instance_size": 4 << 20,
            "max_memory_size": pool.memory_bytes,
            "linear_memory_keep_resident": pool.linear_memory_keep_resident,
            "table_keep_resident": pool.table_keep_resident,
            "async_stack_keep_resident": pool.stack_keep_resident,
            "max_unused_warm_slots": pool.unused_warm_slots,
        }
        for name, value in sizes.items():
            getattr(ffi, f"wasmtime_pooling_allocation_config_{name}_set")(allocation, value)
        ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), allocation)
        ffi.wasmtime_pooling_allocation_config_delete(allocation)
    return config


class NativeEngine:
    """One per process: compiled code, the pool, and the clock that makes guests yield."""

    def __init__(self, pool: PoolSizes | None) -> None:
        """Raises EngineUnusable when the pool cannot be reserved; the caller may try again without."""
        try:
            self._engine = Engine(_config(pool))
        except WasmtimeError as error:
            raise EngineUnusable(str(error)) from error
        self.address = _address(self._engine.ptr())

    def tick(self) -> None:
        """Advances the clock: each computing guest gives the loop back."""
        _engine_increment_epoch(self.address)

    def compile(self, wasm: bytes) -> bytes:
        """Compiles a component. Returns the artifact that `load` maps. Raises GuestFault for what is not a component.

        Takes seconds and hundreds of MiB: only for a process of its own.
        """
        try:
            return bytes(wc.Component(self._engine, wasm).serialize())
        except WasmtimeError as error:
            raise GuestFault(str(error)) from error

    def compile_here(self, text: str) -> NativeComponent:
        """Compiles a component of our own, given as WAT, in this process. Never for what somebody else wrote."""
        try:
            return NativeComponent(self, wc.Component(self._engine, text))
        except WasmtimeError as error:
            raise GuestFault(str(error)) from error

    def load(self, artifact: Path) -> NativeComponent:
        """Maps an artifact that `compile` of this host made. Raises GuestFault when it is of another version or configuration.

        An artifact is machine code: the caller has proved that this host made the file.
        """
        try:
            return NativeComponent(self, wc.Component.deserialize_file(self._engine, str(artifact)))
        except WasmtimeError as error:
            raise GuestFault(str(error)) from error

    def close(self) -> None:
        self._engine.close()


class ImportedInterface(msgspec.Struct, frozen=True):
    """What a component imports under one name."""

    name: str
    functions: dict[str, s.Signature]
    resources: tuple[str, ...]


class NativeComponent:
    """One compiled component with its linker. `imports` and `exports` say what it needs and has."""

    def __init__(self, engine: NativeEngine, component: wc.Component) -> None:
        self._engine = engine
        self._component = component
        self._linker = wc.Linker(engine._engine)
        self._export: Any = None
        self._function_keys: list[int] = []
        self.address = _address(component.ptr())
        self.linker_address = _address(self._linker.ptr())
        self.export_address = 0
        kind = component.type
        self.imports: tuple[ImportedInterface, ...]
        self.other_imports: tuple[str, ...]
        self.imports, self.other_imports = _imports(kind.imports(engine._engine), engine._engine)
        self.exports = {name: _signature(item) for name, item in kind.exports(engine._engine).items() if isinstance(item, wt.FuncType)}

    def choose_export(self, name: str) -> None:
        """The function that `NativeCall.instantiate` returns; it is one of `exports`."""
        self._export = self._component.get_export_index(name)
        assert self._export is not None
        self.export_address = _address(self._export.ptr())

    def define(self, interface: str, functions: dict[str, tuple[HostFunction, bool]], resources: dict[str, int]) -> None:
        """Links one interface: functions as (function, may wait), and resources as host types by number."""
        root = self._linker.root()
        instance = root.add_instance(interface)
        try:
            parent = _address(instance.ptr())
            for name, resource_type in resources.items():
                raw = name.encode()
                host_type = wc.ResourceType.host(resource_type)
                self._linked(_linker_add_resource(parent, raw, len(raw), _address(host_type.ptr()), _ON_DROP, None, None))
            for name, (function, may_wait) in functions.items():
                key = next(_numbers)
                _functions[key] = function
                self._function_keys.append(key)
                raw = name.encode()
                add, callback = (_linker_add_func_async, _ON_CALL_ASYNC) if may_wait else (_linker_add_func, _ON_CALL)
                self._linked(add(parent, raw, len(raw), callback, key, None))
        finally:
            instance.close()
            root.close()

    @staticmethod
    def _linked(error: int | None) -> None:
        if error:
            raise GuestFault(take_error(error))

    def close(self) -> None:
        """Frees code and linker; no call of this component may be under way."""
        for key in self._function_keys:
            _functions.pop(key, None)
        self._linker.close()
        self._component.close()


def _imports(items: dict[str, Any], engine: Engine) -> tuple[tuple[ImportedInterface, ...], tuple[str, ...]]:
    interfaces, others = [], []
    for name, item in items.items():
        if isinstance(item, wt.ComponentInstanceType):
            interfaces.append((name, item))
        elif not isinstance(item, wt.ValType):  # a type alone asks for nothing
            others.append(name)
    return tuple(ImportedInterface(name, *_members(item, engine)) for name, item in interfaces), tuple(others)


def _members(instance: wt.ComponentInstanceType, engine: Engine) -> tuple[dict[str, s.Signature], tuple[str, ...]]:
    exports = instance.exports(engine)
    functions = {name: _signature(item) for name, item in exports.items() if isinstance(item, wt.FuncType)}
    return functions, tuple(name for name, item in exports.items() if isinstance(item, wc.ResourceType))


def _signature(function: wt.FuncType) -> s.Signature:
    result = function.result
    return s.Signature(tuple((name, _shape(kind)) for name, kind in function.params), None if result is None else _shape(result))


def _shape(kind: wt.ValType) -> s.Shape:
    match kind:
        case wt.String():
            return s.Primitive("string")
        case wt.ListType():
            return s.ListOf(_shape(kind.element))
        case wt.OptionType():
            return s.OptionOf(_shape(kind.payload))
        case wt.TupleType():
            return s.TupleOf(tuple(_shape(element) for element in kind.elements))
        case wt.RecordType():
            return s.RecordOf(tuple((name, _shape(field)) for name, field in kind.fields))
        case wt.EnumType():
            return s.EnumOf(tuple(kind.names))
        case wt.FlagsType():
            return s.FlagsOf(tuple(kind.names))
        case wt.VariantType():
            return s.VariantOf(tuple((name, None if case is None else _shape(case)) for name, case in kind.cases))
        case wt.ResultType():
            return s.ResultOf(None if kind.ok is None else _shape(kind.ok), None if kind.err is None else _shape(kind.err))
        case wt.OwnType():
            return s.Handle(owned=True)
        case wt.BorrowType():
            return s.Handle(owned=False)
        case wt.ErrorContext() | wt.FutureType() | wt.StreamType():
            return s.Unsupported(type(kind).__name__.removesuffix("Type").lower())
        case _:
            return s.Primitive(type(kind).__name__.lower())
