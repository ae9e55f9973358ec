"""A compiled component: its imports and exports as plain value types, and its linker."""

from __future__ import annotations

import weakref
from pathlib import Path
from typing import Any

import msgspec
from wasmtime import Engine, WasmtimeError
from wasmtime import component as wc
from wasmtime.component import _types as wt

from holdfast.engine.capi import callbacks
from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.callbacks import HostFunction
from holdfast.engine.capi.calls import LinkedComponent, numbers
from holdfast.engine.capi.engines import NativeEngine
from holdfast.engine.capi.prototypes import GuestFault, address_of, raise_error
from holdfast.engine.values import types as s


class ImportedInterface(msgspec.Struct, frozen=True):
    """One interface that a component imports."""

    name: str
    functions: dict[str, s.Signature]
    resources: tuple[str, ...]


class NativeComponent:
    """One compiled component with its linker.

    `imports` are the interfaces that it needs, `other_imports` the names of imports that are not interfaces, `exports` its functions.
    """

    def __init__(self, engine: NativeEngine, component: wc.Component) -> None:
        self._engine = engine
        self._component = component
        self._linker = wc.Linker(engine._engine)
        self._export: Any = None
        self._linked: LinkedComponent | None = None
        self._function_keys: list[int] = []
        # The package's own finalizers free code and linker, after the last call that refers to the component.
        weakref.finalize(self, _forget, self._function_keys)
        kind = component.type
        self.imports: tuple[ImportedInterface, ...]
        self.other_imports: tuple[str, ...]
        self.imports, self.other_imports = _imports(kind.imports(engine._engine), engine._engine)
        self.exports = {name: _signature(item) for name, item in kind.exports(engine._engine).items() if isinstance(item, wt.FuncType)}

    @classmethod
    def load(cls, engine: NativeEngine, artifact: Path) -> NativeComponent:
        """Maps an artifact that `NativeEngine.compile` of this host wrote. Raises GuestFault for another version or configuration.

        An artifact is machine code: verify first that this host wrote the file.
        """
        try:
            return cls(engine, wc.Component.deserialize_file(engine._engine, str(artifact)))
        except WasmtimeError as error:
            raise GuestFault(str(error)) from error

    @classmethod
    def compile_here(cls, engine: NativeEngine, text: str) -> NativeComponent:
        """Compiles a component of our own, written in WAT, in this process. Never for a component that somebody else wrote."""
        try:
            return cls(engine, wc.Component(engine._engine, text))
        except WasmtimeError as error:
            raise GuestFault(str(error)) from error

    @property
    def linked(self) -> LinkedComponent:
        """The addresses for `NativeCall.instantiate`, after `choose_export`."""
        assert self._linked is not None, "choose_export comes first"
        return self._linked

    def choose_export(self, name: str) -> None:
        """Chooses the function that calls run; `name` is one of `exports`. Comes after every `define`."""
        self._export = self._component.get_export_index(name)
        assert self._export is not None
        self._linked = LinkedComponent(address_of(self._component.ptr()), address_of(self._linker.ptr()), address_of(self._export.ptr()))

    def define(self, interface: str, functions: dict[str, tuple[HostFunction, bool]], resources: dict[str, int]) -> None:
        """Links one interface: functions as (function, whether it may wait), and resources as host types by number. Raises GuestFault."""
        root = self._linker.root()
        instance = root.add_instance(interface)
        try:
            parent = address_of(instance.ptr())
            for name, resource_type in resources.items():
                raw = name.encode()
                host_type = wc.ResourceType.host(resource_type)
                raise_error(c.linker_add_resource(parent, raw, len(raw), address_of(host_type.ptr()), callbacks.ON_DROP, None, None))
            for name, (function, may_wait) in functions.items():
                key = next(numbers)
                callbacks.host_functions[key] = function
                self._function_keys.append(key)
                raw = name.encode()
                if may_wait:
                    add, callback = c.linker_add_func_async, callbacks.ON_CALL_ASYNC
                else:
                    add, callback = c.linker_add_func, callbacks.ON_CALL
                raise_error(add(parent, raw, len(raw), callback, key, None))
        finally:
            instance.close()
            root.close()


def _forget(keys: list[int]) -> None:
    for key in keys:
        callbacks.host_functions.pop(key, None)


def _imports(items: dict[str, Any], engine: Engine) -> tuple[tuple[ImportedInterface, ...], tuple[str, ...]]:
    interfaces, others = [], []
    for name, item in items.items():
        if isinstance(item, wt.ComponentInstanceType):
            interfaces.append((name, item))
        elif not isinstance(item, wt.ValType):  # a type alone needs nothing from the host
            others.append(name)
    return tuple(ImportedInterface(name, *_members(item, engine)) for name, item in interfaces), tuple(others)


def _members(instance: wt.ComponentInstanceType, engine: Engine) -> tuple[dict[str, s.Signature], tuple[str, ...]]:
    exports = instance.exports(engine)
    functions = {name: _signature(item) for name, item in exports.items() if isinstance(item, wt.FuncType)}
    return functions, tuple(name for name, item in exports.items() if isinstance(item, wc.ResourceType))


def _signature(function: wt.FuncType) -> s.Signature:
    result = function.result
    return s.Signature(tuple((name, _value_type(kind)) for name, kind in function.params), None if result is None else _value_type(result))


def _value_type(kind: wt.ValType) -> s.ValueType:
    match kind:
        case wt.String():
            return s.Primitive("string")
        case wt.ListType():
            return s.ListOf(_value_type(kind.element))
        case wt.OptionType():
            return s.OptionOf(_value_type(kind.payload))
        case wt.TupleType():
            return s.TupleOf(tuple(_value_type(element) for element in kind.elements))
        case wt.RecordType():
            return s.RecordOf(tuple((name, _value_type(field)) for name, field in kind.fields))
        case wt.EnumType():
            return s.EnumOf(tuple(kind.names))
        case wt.FlagsType():
            return s.FlagsOf(tuple(kind.names))
        case wt.VariantType():
            return s.VariantOf(tuple((name, None if case is None else _value_type(case)) for name, case in kind.cases))
        case wt.ResultType():
            return s.ResultOf(None if kind.ok is None else _value_type(kind.ok), None if kind.err is None else _value_type(kind.err))
        case wt.OwnType():
            return s.Handle(owned=True)
        case wt.BorrowType():
            return s.Handle(owned=False)
        case wt.ErrorContext() | wt.FutureType() | wt.StreamType():
            return s.Unsupported(type(kind).__name__.removesuffix("Type").lower())
        case _:
            return s.Primitive(type(kind).__name__.lower())
