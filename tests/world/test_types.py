"""The world is written twice, as WIT text and as Python types. These tests check that both are equal."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

from holdfast import world
from holdfast.engine.values import types as s
from holdfast.world import types
from holdfast.world.functions import EXPORT, FUNCTIONS, FUNCTIONS_BY_ID, INTERFACES, WORLD
from holdfast.world.types import ExecuteRequest, ExecuteResponse
from tests.waiting import MAX_WAIT_SECONDS


@cache
def resolved() -> dict[str, Any]:
    """The WIT text as wasm-tools parses it."""
    tools = Path(sys.executable).with_name("wasm-tools")
    wit = Path(next(iter(world.__path__))) / "wit"
    done = subprocess.run([tools, "component", "wit", "--json", str(wit)], capture_output=True, check=True, timeout=MAX_WAIT_SECONDS)
    parsed: dict[str, Any] = json.loads(done.stdout)
    return parsed


def wit_type(reference: Any) -> s.ValueType:
    if isinstance(reference, str):
        return s.Primitive(reference)
    kind = resolved()["types"][reference]["kind"]
    if isinstance(kind, str):
        raise AssertionError(kind)
    match kind:
        case {"type": target}:
            return wit_type(target)
        case {"record": {"fields": fields}}:
            return s.RecordOf(tuple((field["name"], wit_type(field["type"])) for field in fields))
        case {"enum": {"cases": cases}}:
            return s.EnumOf(tuple(case["name"] for case in cases))
        case {"option": payload}:
            return s.OptionOf(wit_type(payload))
        case {"list": element}:
            return s.ListOf(wit_type(element))
        case {"tuple": {"types": elements}}:
            return s.TupleOf(tuple(wit_type(element) for element in elements))
        case {"result": {"ok": ok, "err": err}}:
            return s.ResultOf(None if ok is None else wit_type(ok), None if err is None else wit_type(err))
        case _:
            raise AssertionError(kind)


def wit_signature(function: dict[str, Any]) -> s.Signature:
    result = function.get("result")
    return s.Signature(
        tuple((param["name"], wit_type(param["type"])) for param in function["params"]), None if result is None else wit_type(result)
    )


def wit_functions() -> dict[str, s.Signature]:
    return {
        f"{interface['name']}.{name}": wit_signature(function)
        for interface in resolved()["interfaces"]
        for name, function in interface["functions"].items()
    }


def test_python_and_wit_have_the_same_functions() -> None:
    assert set(FUNCTIONS_BY_ID) == set(wit_functions())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.id)
def test_each_function_has_the_same_signature_in_python_and_wit(function: Any) -> None:
    assert s.signature_of(function) == wit_functions()[function.id]


def test_every_named_type_of_the_wit_is_a_type_in_python() -> None:
    named = {entry["name"]: index for index, entry in enumerate(resolved()["types"]) if entry["name"]}
    for name, index in named.items():
        python = getattr(types, "".join(part.capitalize() for part in name.split("-")))
        assert s.value_type_of(python) == wit_type(index), name


def test_the_world_exports_the_handler_and_imports_the_twelve_interfaces() -> None:
    (runner,) = [entry for entry in resolved()["worlds"] if entry["name"] == WORLD]
    imported = [resolved()["interfaces"][item["interface"]["id"]]["name"] for item in runner["imports"].values() if "interface" in item]
    assert [name for name in imported if name != "types"] == list(INTERFACES)
    assert len(INTERFACES) == 12
    handler = runner["exports"][EXPORT]["function"]
    assert wit_signature(handler) == s.Signature((("request", s.value_type_of(ExecuteRequest)),), s.value_type_of(ExecuteResponse))


def test_no_record_of_the_world_is_mutable() -> None:
    records = [value for value in vars(types).values() if isinstance(value, type) and issubclass(value, msgspec.Struct)]
    assert all(record.__struct_config__.frozen for record in records if record is not msgspec.Struct)
