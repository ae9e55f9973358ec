"""One error base, one JSON shape."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import pytest

import holdfast
from holdfast.errors import CodedError, HoldfastError

SOURCE = Path(holdfast.__path__[0])


class Rejected(HoldfastError):
    """Raised by these tests."""

    code = "rejected"
    status = 418


def test_the_json_has_code_and_message_and_only_known_fields() -> None:
    assert Rejected("No.").to_json() == {"error": "rejected", "message": "No."}
    full = Rejected("No.", hint="Try again.", details={"field": "x"}).to_json(request_id="r")
    assert full == {"error": "rejected", "message": "No.", "hint": "Try again.", "details": {"field": "x"}, "requestId": "r"}


def test_the_text_includes_the_hint() -> None:
    assert str(Rejected("No.", hint="Try again.")) == "No. Try again."


def test_every_error_of_every_package_has_a_code_and_an_http_status() -> None:
    for error in error_classes():
        codes = getattr(error, "STATUSES", {error.code: error.status})
        for code, status in codes.items():
            assert code and " " not in code, error
            assert 400 <= status <= 599, error
        assert error.__doc__, error


def test_every_place_that_raises_a_coded_error_names_a_code_of_its_class() -> None:
    tables = {error.__name__: error.STATUSES for error in error_classes() if issubclass(error, CodedError) and error is not CodedError}
    found = 0
    for file in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                # A code in a variable cannot be checked here.
                case ast.Call(func=ast.Name(id=name), args=[ast.Constant(value=str(code)), *_]) if name in tables:
                    assert code in tables[name], f"{file}:{node.lineno}"
                    found += 1
    assert found > 100


def error_classes() -> Iterator[type[HoldfastError]]:
    """Every error class of the package."""
    for module in pkgutil.walk_packages(holdfast.__path__, "holdfast."):
        if "__main__" not in module.name and "migrations" not in module.name:
            importlib.import_module(module.name)
    pending = [HoldfastError]
    while pending:
        error = pending.pop()
        pending += error.__subclasses__()
        if error.__module__.startswith("holdfast."):  # others are defined by tests
            yield error


class LockError(CodedError):
    STATUSES: ClassVar = {"locked": 409, "missing": 404}


def test_one_class_has_several_codes_each_with_its_status() -> None:
    error = LockError("locked", "The door is locked.", hint="Find the key.", details={"door": 1})
    assert (error.code, error.status) == ("locked", 409)
    assert error.to_json() == {"error": "locked", "message": "The door is locked.", "hint": "Find the key.", "details": {"door": 1}}


def test_a_code_that_the_class_does_not_list_raises_key_error() -> None:
    with pytest.raises(KeyError):
        LockError("ajar", "The door is ajar.")
