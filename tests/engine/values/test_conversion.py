"""Values keep their content when they are lowered and lifted: every type of the world, through Wasmtime's own memory."""

from __future__ import annotations

import ctypes
import typing
from enum import StrEnum
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.engine.capi import prototypes
from holdfast.engine.values.generated_lowering import generate_lowerer
from holdfast.engine.values.layout import VALUE_BYTES, Arena, Err, Lower, Ok
from holdfast.engine.values.lifting import lifter
from holdfast.engine.values.lowering import lowerer
from holdfast.engine.values.types import (
    EnumOf,
    FlagsOf,
    ListOf,
    Primitive,
    RecordOf,
    ResultOf,
    TupleOf,
    Unsupported,
    ValueType,
    VariantOf,
    value_type_of,
)
from holdfast.world import types
from holdfast.world.functions import FUNCTIONS

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
RANGES = {"u16": 1 << 16, "u32": 1 << 32, "u64": 1 << 64}


def values_of(annotation: Any) -> st.SearchStrategy[Any]:
    """Random values of a type of the world."""
    if annotation is str:
        return TEXT
    if annotation is bool:
        return st.booleans()
    if annotation is bytes:
        return st.binary(max_size=300)
    if annotation is float:
        return st.floats(allow_nan=False)
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return st.sampled_from(list(annotation))
    if isinstance(annotation, type) and issubclass(annotation, msgspec.Struct):
        hints = typing.get_type_hints(annotation, include_extras=True)
        return st.builds(annotation, *[values_of(hints[name]) for name in annotation.__struct_fields__])
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return st.integers(0, RANGES[arguments[1]] - 1)
    if origin is list:
        return st.lists(values_of(arguments[0]), max_size=4)
    if origin is tuple:
        return st.tuples(*map(values_of, arguments))
    (payload,) = [argument for argument in arguments if argument is not type(None)]
    return st.none() | values_of(payload)


def through_wasmtime(value_type: ValueType, value: Any, annotation: Any = None, *, lower: Lower | None = None) -> Any:
    """Lowers the value, lets Wasmtime clone it, frees the original, and lifts the clone. `lower` replaces the general lowering."""
    copy = ctypes.create_string_buffer(VALUE_BYTES)
    arena = Arena()
    lowered = (lower or lowerer(value_type))(value, arena)
    assert len(lowered) == VALUE_BYTES
    prototypes.value_clone(ctypes.c_char_p(lowered), copy)
    del arena, lowered
    try:
        return lifter(value_type, annotation)(copy.raw, 0, None)
    finally:
        prototypes.value_delete(copy)


WORLD_TYPES = sorted(
    {value for value in vars(types).values() if isinstance(value, type) and issubclass(value, msgspec.Struct | StrEnum)}
    - {msgspec.Struct, StrEnum},
    key=lambda kind: kind.__name__,
)


GENERAL, GENERATED = "general lowering", "generated lowering"


def lower_for(kind: Any, way: str) -> Lower:
    return generate_lowerer(kind) if way == GENERATED else lowerer(value_type_of(kind))


RECORDS = [kind for kind in WORLD_TYPES if issubclass(kind, msgspec.Struct)]


@pytest.mark.parametrize("kind", [kind for kind in WORLD_TYPES if kind not in RECORDS], ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_enum_of_the_world_returns_unchanged(kind: Any, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    assert through_wasmtime(value_type_of(kind), value, kind) == value


@pytest.mark.parametrize("way", [GENERAL, GENERATED])
@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
@given(data=st.data())
def test_every_record_of_the_world_returns_unchanged(kind: Any, way: str, data: st.DataObject) -> None:
    value = data.draw(values_of(kind))
    assert through_wasmtime(value_type_of(kind), value, kind, lower=lower_for(kind, way)) == value


@pytest.mark.parametrize("way", [GENERAL, GENERATED])
@pytest.mark.parametrize("value", [types.HttpHeader("name", 5), types.HttpHeader("name", "\ud800"), object()])  # type: ignore[arg-type]
def test_a_record_with_an_invalid_field_is_rejected(value: Any, way: str) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError)):
        lower_for(types.HttpHeader, way)(value, Arena())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.id)
@given(data=st.data())
def test_every_parameter_and_result_of_the_world_returns_unchanged(function: Any, data: st.DataObject) -> None:
    for annotation in [*(kind for _, kind in function.params), *([function.ok] if function.ok is not None else [])]:
        value = data.draw(values_of(annotation))
        back = through_wasmtime(value_type_of(annotation), value, annotation)
        assert back == value
        assert type(back) is type(value)


@given(st.one_of(st.builds(Ok, TEXT), st.builds(Err, st.sampled_from(["a", "b-c"]))))
def test_results_keep_their_case(value: Any) -> None:
    assert through_wasmtime(ResultOf(Primitive("string"), EnumOf(("a", "b-c"))), value) == value


@given(st.sampled_from([("none", None), ("text", "x"), ("bytes", b"\0\xff")]))
def test_variants_keep_their_case_and_payload(value: Any) -> None:
    value_type = VariantOf((("none", None), ("text", Primitive("string")), ("bytes", ListOf(Primitive("u8")))))
    assert through_wasmtime(value_type, value) == value


@given(st.frozensets(st.sampled_from(["read", "write", "run"])))
def test_flags_are_sets(value: Any) -> None:
    assert through_wasmtime(FlagsOf(("read", "write", "run")), value) == value


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("s8", -128, 127),
        ("u8", 0, 255),
        ("s16", -(1 << 15), (1 << 15) - 1),
        ("s32", -(1 << 31), (1 << 31) - 1),
        ("s64", -(1 << 63), (1 << 63) - 1),
    ],
)
def test_integers_keep_their_extremes_and_values_out_of_range_are_rejected(name: str, low: int, high: int) -> None:
    import struct

    assert through_wasmtime(Primitive(name), low) == low
    assert through_wasmtime(Primitive(name), high) == high
    for out_of_range in (low - 1, high + 1):
        with pytest.raises(struct.error):
            lowerer(Primitive(name))(out_of_range, Arena())


def test_records_without_a_class_are_tuples() -> None:
    value_type = RecordOf((("seconds", Primitive("u64")), ("nanoseconds", Primitive("u32"))))
    assert through_wasmtime(value_type, (5, 7)) == (5, 7)
    assert through_wasmtime(TupleOf((Primitive("char"), value_type)), ("ü", (1, 2))) == ("ü", (1, 2))


@pytest.mark.parametrize(
    ("value_type", "value"),
    [
        (Primitive("string"), 5),
        (Primitive("string"), "\ud800"),
        (ListOf(Primitive("u8")), "text"),
        (EnumOf(("a",)), "b"),
        (ResultOf(None, None), "neither"),
        (value_type_of(types.HttpHeader), ("only-one",)),
        (value_type_of(types.HttpHeader), object()),
    ],
)
def test_a_value_of_another_type_is_rejected(value_type: ValueType, value: Any) -> None:
    with pytest.raises((TypeError, ValueError, AttributeError, KeyError)):
        lowerer(value_type)(value, Arena())


def test_unsupported_types_have_no_conversion() -> None:
    with pytest.raises(TypeError, match="future"):
        lowerer(Unsupported("future"))
    with pytest.raises(TypeError, match="future"):
        lifter(Unsupported("future"))


@pytest.mark.parametrize("size", [0, 1, 4_095, 4_096, 32_767, 32_768, 1 << 20])
def test_bodies_of_every_size_return_unchanged(size: int) -> None:
    body = (bytes(range(256)) * (size // 256 + 1))[:size]
    assert through_wasmtime(ListOf(Primitive("u8")), body) == body
