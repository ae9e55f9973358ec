"""A compiled component: what it imports and exports as plain shapes, and its linker."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import msgspec
from wasmtime import Engine
from wasmtime import component as wc
from wasmtime.component import _types as wt

from holdfast.engine.capi import calls
from holdfast.engine.capi import prototypes as c
from holdfast.engine.capi.calls import HostFunction
from holdfast.engine.capi.prototypes import GuestFault, address_of, take_error
from holdfast.engine.values import shapes as s

if TYPE_CHECKING:
    from holdfast.engine.capi.engines import NativeEngine


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
        # Code and linker are freed by their own finalizers, when the last call that holds the component has ended.
        weakref.finalize(self, _forget, self._function_keys)
        self.address = address_of(component.ptr())
        self.linker_address = address_of(self._linker.ptr())
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
        self.export_address = address_of(self._export.ptr())

    def define(self, interface: str, functions: dict[str, tuple[HostFunction, bool]], resources: dict[str, int]) -> None:
        """Links one interface: functions as (function, may wait), and resources as host types by number."""
        root = self._linker.root()
        instance = root.add_instance(interface)
        try:
            parent = address_of(instance.ptr())
            for name, resource_type in resources.items():
                raw = name.encode()
                host_type = wc.ResourceType.host(resource_type)
                self._linked(c.linker_add_resource(parent, raw, len(raw), address_of(host_type.ptr()), calls.ON_DROP, None, None))
            for name, (function, may_wait) in functions.items():
                key = next(calls.numbers)
                calls.functions[key] = function
                self._function_keys.append(key)
                raw = name.encode()
                add, callback = (c.linker_add_func_async, calls.ON_CALL_ASYNC) if may_wait else (c.linker_add_func, calls.ON_CALL)
                self._linked(add(parent, raw, len(raw), callback, key, None))
        finally:
            instance.close()
            root.close()

    @staticmethod
    def _linked(error: int | None) -> None:
        if error:
            raise GuestFault(take_error(error))


def _forget(keys: list[int]) -> None:
    for key in keys:
        calls.functions.pop(key, None)


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
