"""What Python handlers can rely on: the standard library, files, coroutines and stack traces, compared with CPython on this machine."""

from __future__ import annotations

import asyncio
import importlib
import json
import re
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Engine
from tests.sdk.guest_host import MemoryHost, Response, call, call_component

SOURCES = Path(__file__).parents[1] / "extensions" / "python-cases" / "src"
COMPARED = [
    "strptime",
    "codecs",
    "late_csv",
    "mail",
    "time_zones",
    "many_modules",
    "files_beside_the_handler",
    "package_data",
    "late_modules_of_the_project",
    "plugins_by_name",
    "packages",
    "temporary_files",
    "tasks",
    "a_loop_of_its_own",
    "deep_recursion",
    "imported_without_a_need",
    "keys_from_passwords",
]


@contextmanager
def importable(*folders: Path) -> Iterator[None]:
    """Modules in `folders` can be imported inside, and are forgotten afterwards."""
    before = set(sys.modules)
    path, writes = list(sys.path), sys.dont_write_bytecode
    sys.path[:0] = map(str, folders)
    sys.dont_write_bytecode = True
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, writes
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(tuple(map(str, folders))):
                del sys.modules[name]


def run_in_cpython(name: str) -> Any:
    with importable(SOURCES, SOURCES.with_name("vendor")):
        cases = importlib.import_module("cases").CASES
        result = cases[name]()
        result = asyncio.run(result) if asyncio.iscoroutine(result) else result
    return json.loads(json.dumps(result))


Answer = Callable[[str], Awaitable[Response]]


@pytest.fixture
def host() -> MemoryHost:
    return MemoryHost()


@pytest.fixture(params=["packed", "development"])
async def answer(
    request: pytest.FixtureRequest,
    engine: Engine,
    built: Callable[[str], Path],
    built_for_development: Callable[[str], Path],
    host: MemoryHost,
) -> Answer:
    """Calls a case in the packed component, and in the one of `holdfast dev`."""
    if request.param == "packed":
        project = built("python-cases")
        return lambda name: call(engine, project, host, f"/{name}")
    folder = built_for_development("python-cases") / "dist" / "development"
    wasm = folder / "main.wasm"
    component = (await engine.load(wasm, hash_file(wasm))).with_source((folder / "handler.json").read_text())
    return lambda name: call_component(engine, component, host, f"/{name}")


@pytest.mark.parametrize("name", COMPARED)
async def test_a_component_answers_as_cpython(answer: Answer, name: str) -> None:
    expected = await asyncio.to_thread(run_in_cpython, name)
    assert (await answer(name)).json == expected


async def test_the_files_of_a_component_cannot_be_changed(answer: Answer) -> None:
    assert (await answer("files_cannot_be_changed")).json == [True, True, True]


async def test_an_exception_is_logged_with_the_authors_lines_and_no_others(answer: Answer, host: MemoryHost) -> None:
    response = await answer("an_error")
    assert (response.status, response.json) == (500, {"error": "handler_failed", "message": "no such ticket"})
    [(level, text)] = host.logs
    lines = [line.strip() for line in text.splitlines()]
    assert (level, lines[-1]) == ("error", "LookupError: no such ticket")
    assert 'raise LookupError("no such ticket")' in lines
    files = [line.split('"')[1] for line in lines if line.startswith("File ")]
    assert files == ["src/handler.py", "src/cases.py", "src/parts/late.py"]
    assert host.stderr[-1] == lines[-1]


async def test_a_handler_that_waits_for_what_cannot_come_fails_with_the_reason(answer: Answer) -> None:
    response = await answer("a_deadlock")
    assert (response.status, response.json["error"]) == (500, "handler_failed")
    assert "nothing can finish" in response.json["message"]


async def test_what_a_component_cannot_have_is_named_with_the_reason(answer: Answer) -> None:
    reasons, home = (await answer("missing_parts")).json
    terminal, database, processes, users, windows, zstandard, compiled, unknown = reasons
    assert "'curses' in a component: there is no terminal" in terminal
    assert "'_gdbm' in a component" in database and "host.storage" in database
    assert "there are no processes" in processes
    assert "'pwd' in a component" in users
    assert "there are no windows" in windows
    assert "'_zstd' in a component: use zlib or gzip" in zstandard
    assert "fastlib.core is compiled code of the package fastlib" in compiled
    assert unknown == "No module named 'no_such_module'"
    # The standard library asks for the home folder only where `pwd` is there.
    assert home == "~/x"


async def test_what_can_only_be_imported_is_refused_on_use_with_the_way_out(answer: Answer) -> None:
    uses = (await answer("stand_ins_that_are_used")).json
    assert len(uses) > 20
    for words, kinds, text in uses:
        kind, *parts = words.split()
        assert kind in kinds.split(), (words, kinds, text)
        assert all(part in text for part in parts), (words, text)


# These say what this OpenSSL can do, and what `socket` has.
_VARYING = re.compile(r"HAS_|OPENSSL_|OP_|SO")


async def test_the_numbers_of_what_can_only_be_imported_are_those_of_linux(answer: Answer) -> None:
    for name, numbers in (await answer("numbers_of_stand_ins")).json.items():
        module = importlib.import_module(name)
        expected = {each: int(getattr(module, each)) for each in numbers if hasattr(module, each) and not _VARYING.match(each)}
        assert len(expected) >= 10
        assert {each: numbers[each] for each in expected} == expected


async def test_json_nested_five_thousand_deep_is_read_and_written(answer: Answer) -> None:
    assert (await answer("deep_json")).json == [10_000, 10_000]
