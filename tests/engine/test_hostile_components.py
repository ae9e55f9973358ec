"""Components that are hostile before they run: rejected by name at load, or stopped with the process that compiles them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from holdfast.engine import Engine, FailureCode
from holdfast.engine.compiling import artifacts
from tests.engine import guests
from tests.engine.conftest import RecordingHost, request
from tests.engine.guests import RETURN, module
from tests.engine.hostile import GET, LOG, PATIENT
from tests.engine.rejection import rejected
from tests.waiting import MAX_WAIT_SECONDS

pytestmark = pytest.mark.slow


def parsed(text: str, folder: Path) -> Path:
    """A component of its own text, for what no core module becomes."""
    source, made = folder / "component.wat", folder / "component.wasm"
    source.write_text(text)
    tool = Path(sys.executable).with_name("wasm-tools")
    subprocess.run([tool, "parse", source, "-o", made], check=True, timeout=MAX_WAIT_SECONDS)
    return made


def good_with(more: str, folder: Path) -> Path:
    """A good component that has something more."""
    tool = Path(sys.executable).with_name("wasm-tools")
    wasm = guests.assemble(module(RETURN))
    text = subprocess.run([tool, "print", wasm], check=True, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS).stdout
    return parsed(text.rstrip().removesuffix(")") + more + ")", folder)


def other_world(folder: Path, old: str, new: str) -> Path:
    """The world's text with something else in one place."""
    text = (guests.WIT / "extension-runner.wit").read_text()
    assert old in text
    (folder / "wit").mkdir()
    (folder / "wit" / "w.wit").write_text(text.replace(old, new))
    return folder / "wit"


def bomb(functions: int = 1_500, steps: int = 600) -> Path:
    """A component that takes tens of seconds to compile: many large functions, none of which is ever called."""
    step = "(local.set $a (i32.add (i32.mul (local.get $a) (local.get $b)) (i32.rotl (local.get $b) (local.get $a))))"
    step += "(local.set $b (select (local.get $a) (i32.load (local.get $b)) (local.get $a)))"
    large = f'(func (export "f{{}}") (param $a i32) (param $b i32) (result i32) {step * steps} (local.get $b))'
    made = guests.CACHE / f"bomb-{hashlib.sha256(large.encode()).hexdigest()[:16]}-{functions}.wasm"
    if not made.exists():
        guests.assemble(module(RETURN))  # makes the folder
        core = module(RETURN, items="".join(large.format(number) for number in range(functions)))
        guests.assemble(core).replace(made)
    return made


@pytest.fixture
async def fresh(tmp_path: Path) -> AsyncIterator[Engine]:
    """An engine that has compiled nothing yet but the good guest."""
    engine = Engine(tmp_path / "artifacts", pool_instances=8)
    yield engine
    await engine.close()


async def load(engine: Engine, wasm: Path) -> None:
    await engine.load(wasm, guests.sha256(wasm))


async def test_too_many_memories_are_rejected_without_compiling_twice(fresh: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[Path] = []
    real = artifacts._run_compiler

    async def counting(wasm: Path, out: Path, **options: bool) -> None:
        compiled.append(wasm)
        await real(wasm, out, **options)

    monkeypatch.setattr(artifacts, "_run_compiler", counting)
    wasm = guests.assemble(module(RETURN, items="(memory 1)" * 19))
    for _ in range(2):
        with rejected("compile_failed", match="memories count of 20 exceeds the per-instance limit of 8"):
            await load(fresh, wasm)
    assert len(compiled) == 1


async def test_without_a_pool_too_many_memories_end_the_call(tmp_path: Path) -> None:
    engine = Engine(tmp_path, pool=False)
    wasm = guests.assemble(module(RETURN, items="(memory 1)" * 19))
    component = await engine.load(wasm, guests.sha256(wasm))
    outcome = await engine.execute(component, request(), RecordingHost(), PATIENT)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.TRAP
    assert "memory" in outcome.failure.message
    await engine.close()


async def test_too_many_instances_are_rejected(fresh: Engine, tmp_path: Path) -> None:
    many = good_with("(core module $tiny)" + "(core instance (instantiate $tiny))" * 200, tmp_path)
    with rejected("compile_failed", match=r"201 core module instances.*maximum of 100"):
        await load(fresh, many)


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        ("revision: option<u64>,", "revision: option<u32>,", r"storage` `get`.*u32 instead of u64"),
        ("  get: func(namespace: string, key: string)", "  get: func(namespace: string, key: string, secret: string)", r"storage` `get`"),
    ],
    ids=["a field deep inside", "one argument more"],
)
async def test_an_import_with_other_types_is_rejected_by_name(fresh: Engine, tmp_path: Path, old: str, new: str, names: str) -> None:
    arguments = 7 if "secret" in new else 5
    imports = GET.replace("i32 " * 4 + "i32", " ".join(["i32"] * arguments))
    core = module(f"(call $get{' (i32.const 0)' * (arguments - 1)} (i32.const 512)) {RETURN}", imports=imports)
    wasm = guests.assemble(core, wit=other_world(tmp_path, old, new))
    with rejected("incompatible_component", match=names):
        await load(fresh, wasm)


async def test_an_unknown_interface_is_rejected_by_name(fresh: Engine, tmp_path: Path) -> None:
    wit = other_world(tmp_path, "interface logging {", "interface shell { run: func(command: string); }\ninterface logging {")
    world = wit / "w.wit"
    world.write_text(world.read_text().replace("  import logging;", "  import logging;\n  import shell;"))
    imports = LOG.replace("logging", "shell").replace("log-info", "run")
    wasm = guests.assemble(module(f"(call $log (i32.const 1048) (i32.const 2)) {RETURN}", imports=imports), wit=wit)
    with rejected("incompatible_component", match="shell` `run`"):
        await load(fresh, wasm)


async def test_a_bare_function_import_is_rejected(fresh: Engine, tmp_path: Path) -> None:
    with rejected("incompatible_component", match="`run`"):
        await load(fresh, good_with('(import "run" (func (param "command" string)))', tmp_path))


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('(component (core module $m (func (export "f"))) (core instance $i (instantiate $m)) (func (export "handler")'
         ' (canon lift (core func $i "f"))))', "other types"),
        ("(component)", "does not export"),
    ],
    ids=["a handler without types", "nothing at all"],
)  # fmt: skip
async def test_a_component_without_the_worlds_handler_is_rejected(fresh: Engine, tmp_path: Path, text: str, names: str) -> None:
    with rejected("handler_missing", match=names):
        await load(fresh, parsed(text, tmp_path))


def leftover_files(engine_folder: Path) -> list[str]:
    return [file.name for file in engine_folder.iterdir() if file.suffix in {".tmp", ".cwasm", ".mac"}]


@pytest.mark.parametrize(
    ("limit", "value", "sentence"),
    [
        ("MAX_COMPILE_SECONDS", 1.5, "took longer than 1.5 s"),
        ("CPU_SECONDS", 2, "status -24"),
        ("MEMORY_BYTES", 192 << 20, "time or memory"),
    ],
)
async def test_an_endless_compilation_is_stopped_while_other_calls_run(
    fresh: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, sentence: str
) -> None:
    wasm = await asyncio.to_thread(bomb)
    good = guests.assemble(module(RETURN))
    component = await fresh.load(good, guests.sha256(good))
    before = leftover_files(tmp_path / "artifacts")
    # Two seconds of processor time take far longer on a busy machine: only the limit under test ends the compilation.
    monkeypatch.setattr(artifacts, "MAX_COMPILE_SECONDS", MAX_WAIT_SECONDS)
    monkeypatch.setattr(artifacts, limit, value)
    compiling = asyncio.create_task(load(fresh, wasm))
    returned = 0
    while not compiling.done():
        was_compiling = bool(compilers())
        assert (await fresh.execute(component, request(), RecordingHost(), PATIENT)).response is not None
        returned += was_compiling  # only calls that started while the compiler process ran
        await asyncio.sleep(0.02)  # leaves the processor to the compiler, which has to reach its limit
    with rejected("compile_failed", match=sentence):
        await compiling
    assert returned > 0
    assert leftover_files(tmp_path / "artifacts") == before
    assert not compilers()


def compilers() -> list[int]:
    """The compiler processes of this process, which may have other children: the platform of the browser tests."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            if "holdfast.engine.compiling.compiler" in child.cmdline():
                found.append(child.pid)
    return found


async def test_closing_the_engine_stops_running_compilations(tmp_path: Path) -> None:
    wasm = await asyncio.to_thread(bomb)
    engine = Engine(tmp_path / "artifacts", pool_instances=8)
    compiling = asyncio.create_task(load(engine, wasm))
    while not compilers():
        await asyncio.sleep(0.001)
    await engine.close()
    with pytest.raises(asyncio.CancelledError):
        await compiling
    assert not compilers()
    assert not leftover_files(tmp_path / "artifacts")
    assert asyncio.all_tasks() == {asyncio.current_task()}
