"""One call in a fresh instance: a guest can harm its own call, and no other."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from holdfast.engine import Engine, FailureCode, Limits
from holdfast.engine.capi import calls
from tests.engine import guests
from tests.engine.conftest import LIMITS, RecordingHost, Run, request
from tests.engine.guests import RETURN, module
from tests.engine.rejection import rejected

LOG = '(import "alga:extension/logging" "log-info" (func $log (param i32 i32)))'


async def test_a_handler_returns_its_status_and_body(run: Run) -> None:
    outcome = await run(module(RETURN, response=guests.response_record(201, b"made")))
    assert outcome.failure is None
    assert outcome.response is not None
    assert (outcome.response.status, outcome.response.body) == (201, b"made")


async def test_an_absent_body_differs_from_an_empty_one(run: Run) -> None:
    absent = await run(module(RETURN, response=guests.response_record(204, None)))
    empty = await run(module(RETURN, response=guests.response_record(200, b"")))
    assert absent.response is not None and absent.response.body is None
    assert empty.response is not None and empty.response.body == b""


@pytest.mark.parametrize("generated_lowering", [True, False])
async def test_the_guest_receives_the_request_unchanged(artifacts: Path, generated_lowering: bool) -> None:
    # The url's pointer and length are at offset 60 and 64 of the request record; the guest copies them into the response's body.
    engine = Engine(artifacts, pool=False, generated_lowering=generated_lowering)
    core = module(
        "(i32.store (i32.const 1040) (i32.load (i32.add (local.get $request) (i32.const 60))))"
        "(i32.store (i32.const 1044) (i32.load (i32.add (local.get $request) (i32.const 64))))"
        f"{RETURN}"
    )
    wasm = guests.assemble(core)
    component = await engine.load(wasm, guests.sha256(wasm))
    outcome = await engine.execute(component, request("/päth?q=ü"), RecordingHost(), LIMITS)
    assert outcome.response is not None
    assert outcome.response.body == "/päth?q=ü".encode()
    await engine.close()


async def test_each_call_has_a_fresh_instance(run: Run) -> None:
    counting = module(
        "(global.set $count (i32.add (global.get $count) (i32.const 1)))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200) (global.get $count)))" + RETURN,
        items="(global $count (mut i32) (i32.const 0))",
    )
    statuses = [outcome.response.status for _ in range(3) if (outcome := await run(counting)).response]
    assert statuses == [201, 201, 201]


async def test_memory_of_a_call_is_cleared_for_the_next(run: Run) -> None:
    # Reads a byte far after the data, returns it in the status, then writes there.
    leaving = module(
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200) (i32.load8_u (i32.const 100000))))"
        "(i32.store8 (i32.const 100000) (i32.const 99))" + RETURN
    )
    statuses = [outcome.response.status for _ in range(5) if (outcome := await run(leaving)).response]
    assert statuses == [200] * 5


async def test_a_trap_names_its_cause_and_the_guest_stack(run: Run) -> None:
    outcome = await run(module("(call $deeper) " + RETURN, items="(func $deeper unreachable)"))
    assert outcome.response is None and outcome.failure is not None
    assert outcome.failure.code is FailureCode.TRAP
    assert "unreachable" in outcome.failure.message
    assert any("deeper" in frame for frame in outcome.failure.guest_stack)


async def test_an_endless_loop_ends_at_the_deadline(run: Run) -> None:
    outcome = await run(module("(loop $again (br $again)) " + RETURN), limits=Limits(timeout_ms=50))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE
    assert "50 ms" in outcome.failure.message


async def test_a_loop_in_the_instantiation_ends_at_the_deadline(run: Run) -> None:
    outcome = await run(module(RETURN, items="(func $begin (loop $again (br $again))) (start $begin)"), limits=Limits(timeout_ms=50))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE


async def test_a_host_call_that_never_returns_ends_at_the_deadline_and_is_cancelled(run: Run) -> None:
    cancelled = asyncio.Event()

    async def hang(*_: object) -> object:
        try:
            return await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    host = RecordingHost(logging__log_info=hang)
    core = module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG)
    outcome = await run(core, host=host, limits=Limits(timeout_ms=50))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE
    assert cancelled.is_set()


async def test_endless_recursion_is_a_trap(run: Run) -> None:
    outcome = await run(module("(call $down) " + RETURN, items="(func $down (call $down) (call $down))"))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.TRAP
    assert "stack" in outcome.failure.message


async def test_memory_beyond_the_limit_is_denied_to_the_guest(run: Run) -> None:
    # Grows by one MiB until that fails, then returns 200 plus its size in MiB as the status.
    growing = module(
        "(block $refused (loop $grow (br_if $refused (i32.eq (memory.grow (i32.const 16)) (i32.const -1))) (br $grow)))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200) (i32.div_u (memory.size) (i32.const 16))))" + RETURN
    )
    outcome = await run(growing, limits=Limits(memory_mb=32))
    assert outcome.response is not None
    assert 230 <= outcome.response.status <= 232


async def test_a_guest_that_starts_too_large_fails_with_the_memory_code(run: Run) -> None:
    outcome = await run(module(RETURN, memory='(memory (export "memory") 1024)'), limits=Limits(memory_mb=32))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.MEMORY


async def test_a_host_function_that_fails_ends_the_call_and_not_the_engine(run: Run) -> None:
    async def fail(*_: object) -> object:
        raise RuntimeError("the database password is hunter2")

    core = module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG)
    outcome = await run(core, host=RecordingHost(logging__log_info=fail))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.HOST
    assert "hunter2" not in outcome.failure.message
    assert (await run(core)).response is not None


async def test_host_calls_are_counted_and_limited(run: Run) -> None:
    host = RecordingHost()
    core = module("(loop $again (call $log (i32.const 1048) (i32.const 2)) (br $again)) " + RETURN, imports=LOG)
    outcome = await run(core, host=host, limits=Limits(host_calls=10))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.LIMIT
    assert len(host.calls) == 10


async def test_cancelling_the_call_ends_the_guest(engine: Engine) -> None:
    wasm = guests.assemble(module("(loop $again (br $again)) " + RETURN))
    component = await engine.load(wasm, guests.sha256(wasm))
    task = asyncio.create_task(engine.execute(component, request(), RecordingHost(), Limits(timeout_ms=60_000)))
    while not calls.running_calls:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not calls.running_calls


async def test_other_calls_continue_while_guests_compute_endlessly(engine: Engine, run: Run) -> None:
    endless = guests.assemble(module("(loop $again (br $again)) " + RETURN))
    component = await engine.load(endless, guests.sha256(endless))
    hostile = [asyncio.create_task(engine.execute(component, request(), RecordingHost(), Limits(timeout_ms=1_500))) for _ in range(4)]
    good = module(RETURN)
    await run(good)
    returned = 0
    while returned < 20:
        assert (await run(good)).response is not None
        returned += 1
    outcomes = await asyncio.gather(*hostile)
    assert {outcome.failure.code for outcome in outcomes if outcome.failure} == {FailureCode.DEADLINE}


async def test_a_body_above_the_limit_has_its_own_code(run: Run) -> None:
    huge = module(
        "(drop (memory.grow (i32.const 200))) (i32.store (i32.const 1044) (i32.const 3000000)) " + RETURN,
        response=guests.response_record(200, b"x"),
    )
    outcome = await run(huge)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.RESPONSE_TOO_LARGE


async def test_a_status_outside_http_is_an_invalid_response(run: Run) -> None:
    outcome = await run(module(RETURN, response=guests.response_record(7, None)))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.INVALID_RESPONSE


@pytest.mark.parametrize("content", [b"", b"garbage", b"\0asm\x01\0\0\0"], ids=["empty", "garbage", "core module"])
async def test_a_file_that_is_not_a_component_is_rejected(engine: Engine, tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "main.wasm"
    file.write_bytes(content)
    with rejected("not_a_component"):
        await engine.load(file, guests.sha256(file))


async def test_a_component_without_handler_is_rejected(engine: Engine, tmp_path: Path) -> None:
    wit = tmp_path / "wit"
    wit.mkdir()
    (wit / "other.wit").write_text("package other:thing; world other { export something: func(); }")
    wasm = guests.assemble('(module (func (export "something")))', world_name="other", wit=wit)
    with rejected("handler_missing", match="handler"):
        await engine.load(wasm, guests.sha256(wasm))


async def test_an_import_the_world_does_not_have_is_named(engine: Engine, tmp_path: Path) -> None:
    text = (guests.WIT / "extension-runner.wit").read_text()
    wit = tmp_path / "wit"
    wit.mkdir()
    (wit / "w.wit").write_text(
        text.replace("log-warn: func(message: string);", "log-warn: func(message: string);\n  log-shout: func(message: string);")
    )
    core = module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG.replace("log-info", "log-shout"))
    wasm = guests.assemble(core, wit=wit)
    with rejected("incompatible_component", match="log-shout"):
        await engine.load(wasm, guests.sha256(wasm))


async def test_an_import_with_other_types_is_named_with_the_difference(engine: Engine, tmp_path: Path) -> None:
    text = (guests.WIT / "extension-runner.wit").read_text()
    wit = tmp_path / "wit"
    wit.mkdir()
    (wit / "w.wit").write_text(text.replace("log-info: func(message: string);", "log-info: func(message: list<u8>);"))
    core = module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG)
    wasm = guests.assemble(core, wit=wit)
    with rejected("incompatible_component", match=r"log-info.*list<u8> instead of string"):
        await engine.load(wasm, guests.sha256(wasm))


async def test_a_component_of_an_older_smaller_world_runs(engine: Engine, tmp_path: Path) -> None:
    text = (guests.WIT / "extension-runner.wit").read_text()
    for interface in ("user", "user-v2", "scheduler", "invoicing", "clients", "services"):
        text = text.replace(f"  import {interface};\n", "")
    wit = tmp_path / "wit"
    wit.mkdir()
    (wit / "w.wit").write_text(text)
    wasm = guests.assemble(module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG), wit=wit)
    host = RecordingHost()
    outcome = await engine.execute(await engine.load(wasm, guests.sha256(wasm)), request(), host, LIMITS)
    assert outcome.response is not None
    assert host.calls == [("logging.log-info", ("ok",))]


async def test_fuel_is_the_same_for_the_same_call_and_its_limit_ends_the_call(tmp_path: Path) -> None:
    metered = Engine(tmp_path, pool_instances=4, fuel=True)
    wasm = guests.assemble(
        module(
            "(local $n i32) (loop $again (br_if $again (i32.lt_u (local.tee $n (i32.add (local.get $n) (i32.const 1))) (i32.const 1000))))"
            + RETURN
        )
    )
    component = await metered.load(wasm, guests.sha256(wasm))
    used = {(await metered.execute(component, request(), RecordingHost(), LIMITS)).fuel_used for _ in range(3)}
    assert len(used) == 1
    (amount,) = used
    assert amount is not None and amount > 1_000
    ended = await metered.execute(component, request(), RecordingHost(), Limits(fuel=amount // 2))
    assert ended.failure is not None and ended.failure.code is FailureCode.FUEL
    assert (await metered.execute(component, request(), RecordingHost(), Limits(fuel=amount))).failure is None
    await metered.close()


async def test_without_metering_no_fuel_is_reported(run: Run) -> None:
    assert (await run(module(RETURN))).fuel_used is None


async def test_calls_beyond_the_pool_wait_in_order_and_their_deadline_includes_the_wait(tmp_path: Path) -> None:
    small = Engine(tmp_path, pool_instances=2)
    release = asyncio.Event()

    async def hold(*_: object) -> None:
        await release.wait()

    wasm = guests.assemble(module("(call $log (i32.const 1048) (i32.const 2)) " + RETURN, imports=LOG))
    component = await small.load(wasm, guests.sha256(wasm))
    host = RecordingHost(logging__log_info=hold)
    first = [asyncio.create_task(small.execute(component, request(), host, LIMITS)) for _ in range(2)]
    while len(host.calls) < 2:
        await asyncio.sleep(0)
    late = await small.execute(component, request(), host, Limits(timeout_ms=20))
    assert late.failure is not None and late.failure.code is FailureCode.DEADLINE
    left = asyncio.create_task(small.execute(component, request(), host, LIMITS))
    waiting = [asyncio.create_task(small.execute(component, request(), host, LIMITS)) for _ in range(5)]
    await asyncio.sleep(0)
    left.cancel()
    release.set()
    outcomes = await asyncio.gather(*first, *waiting)
    assert all(outcome.response for outcome in outcomes)
    assert (await small.execute(component, request(), host, LIMITS)).response is not None
    await small.close()
