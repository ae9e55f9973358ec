"""Marks tests by what they need, so that `make quick` can leave out what takes long or may not be installed.

They are derived from what a test uses. Tests that are slow for another reason than building an extension are marked where they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CodeType, FunctionType

import pytest

from tests.cli import command_runner
from tests.runner import processes

_STARTERS: tuple[object, ...] = (command_runner.COMMAND, command_runner.Platform, command_runner.run, processes.runner_process)
"""What every test that starts `holdfast` as a process uses, itself or through a helper."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # First, because `-m` deselects in the same hook.
    known: dict[object, bool] = {}
    for item in items:
        if isinstance(item, pytest.Function):
            for name in _needs(item, known):
                item.add_marker(name)


def _needs(item: pytest.Function, known: dict[object, bool]) -> Iterator[str]:
    if "postgres" in item.fixturenames or "postgres" in _parameters(item):
        yield "postgres"
    if "browser" in item.fixturenames:
        yield "browser"
    fixtures = [definitions[-1].func for definitions in item._fixtureinfo.name2fixturedefs.values()]
    if any(_starts_a_process(function, known) for function in (item.obj, *fixtures)):
        yield "process"
    if getattr(item.obj, "is_hypothesis_test", False):
        yield "fuzz"
    if "toolchain" in item.fixturenames:
        yield "slow"


def _parameters(item: pytest.Function) -> list[object]:
    callspec = getattr(item, "callspec", None)
    return list(callspec.params.values()) if callspec else []


def _starts_a_process(used: object, known: dict[object, bool]) -> bool:
    """Whether a function or class of the tests uses one of the starters, directly or through others of the tests."""
    used = getattr(used, "__wrapped__", used)
    if any(used is starter for starter in _STARTERS):
        return True
    if not isinstance(used, (FunctionType, type)) or not used.__module__.startswith("tests."):
        return False
    if used not in known:
        known[used] = False  # what refers to itself adds nothing
        functions = [used] if isinstance(used, FunctionType) else [one for one in vars(used).values() if isinstance(one, FunctionType)]
        known[used] = any(_starts_a_process(name, known) for function in functions for name in _globals_of(function))
    return known[used]


def _globals_of(function: FunctionType) -> Iterator[object]:
    pending: list[CodeType] = [function.__code__]
    while pending:
        code = pending.pop()
        pending += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        yield from (function.__globals__[name] for name in code.co_names if name in function.__globals__)
