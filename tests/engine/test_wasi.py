"""WASI for guests: clocks, waiting, randomness, output, exit; no files, no network, no environment."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from holdfast.engine import Component, Engine, FailureCode, Limits, Outcome
from tests.engine import guests
from tests.engine.conftest import LIMITS, RecordingHost, request
from tests.engine.guests import RESPONSE_AT, RETURN, module

WASI = Path(__file__).parent / "wit" / "wasi.wit"


def system(interface: str, name: str, local: str, kind: str, version: str = "0.2.3") -> str:
    """A core import of the guest's operating system."""
    return f'(import "wasi:{interface}@{version}" "{name}" (func ${local} {kind}))\n'


def wasi_component(core: str, folder: Path, version: str = "0.2.3") -> Path:
    """The component of a core module that imports WASI at a version. Its WIT is written below `folder`."""
    wit = folder / version
    if not wit.exists():
        interfaces = (
            *("io/poll", "io/error", "io/streams", "clocks/monotonic-clock", "clocks/wall-clock", "random/random"),
            *("cli/environment", "cli/exit", "cli/stdin", "cli/stdout", "cli/stderr"),
            *("filesystem/types", "filesystem/preopens", "sockets/instance-network", "sockets/ip-name-lookup"),
        )
        world = (guests.WIT / "extension-runner.wit").read_text()
        imports = "".join(f"  import wasi:{name}@{version};\n" for name in interfaces)
        wit.mkdir()
        (wit / "world.wit").write_text(
            world.replace("world runner {", "world runner {\n" + imports) + WASI.read_text().replace("VERSION", version)
        )
    return guests.assemble(core, wit=wit)


class System:
    """Runs WAT guests that use WASI at a version."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self._engine = engine
        self._folder = folder

    async def load(self, core: str, version: str = "0.2.3") -> Component:
        wasm = wasi_component(core, self._folder, version)
        return await self._engine.load(wasm, guests.sha256(wasm))

    async def run(self, core: str, *, version: str = "0.2.3", host: RecordingHost | None = None, limits: Limits | None = None) -> Outcome:
        component = await self.load(core, version)
        return await self._engine.execute(component, request(), host or RecordingHost(), limits or LIMITS)


@pytest.fixture
def wasi(engine: Engine, tmp_path: Path) -> System:
    return System(engine, tmp_path)


SLEEP = (
    system("clocks/monotonic-clock", "subscribe-duration", "sleep", "(param i64) (result i32)")
    + system("io/poll", "[method]pollable.block", "block", "(param i32)")
    + system("io/poll", "[method]pollable.ready", "ready", "(param i32) (result i32)")
    + system("io/poll", "poll", "poll", "(param i32 i32 i32)")
    + system("clocks/monotonic-clock", "now", "now", "(result i64)")
)
OUTPUT = system("cli/stdout", "get-stdout", "stdout", "(result i32)") + system("cli/stderr", "get-stderr", "stderr", "(result i32)")
OUTPUT += system("io/streams", "[method]output-stream.blocking-write-and-flush", "write", "(param i32 i32 i32 i32)")


def says(text: bytes, stream: str = "stdout") -> str:
    """Writes text that stands at address 4096 to a stream."""
    return f"(call $write (call ${stream}) (i32.const 4096) (i32.const {len(text)}) (i32.const 512))"


def at_4096(text: bytes) -> str:
    return '(data (i32.const 4096) "' + "".join(f"\\{byte:02x}" for byte in text) + '")'


async def test_a_sleep_takes_its_time_on_the_clock_and_no_longer_than_the_deadline(wasi: System) -> None:
    slept = (
        "(local $before i64) (local.set $before (call $now)) (call $block (call $sleep (i64.const 20000000)))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200)"
        " (i64.ge_u (i64.sub (call $now) (local.get $before)) (i64.const 20000000))))" + RETURN
    )
    outcome = await wasi.run(module(slept, imports=SLEEP))
    assert outcome.response is not None and outcome.response.status == 201


async def test_a_sleep_of_a_day_ends_at_the_deadline(wasi: System) -> None:
    day = module("(call $block (call $sleep (i64.const 86400000000000))) " + RETURN, imports=SLEEP)
    outcome = await wasi.run(day, limits=Limits(timeout_ms=30))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE


async def test_a_sleep_of_the_maximum_duration_ends_at_the_deadline(wasi: System) -> None:
    outcome = await wasi.run(module("(call $block (call $sleep (i64.const -1))) " + RETURN, imports=SLEEP), limits=Limits(timeout_ms=30))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.DEADLINE


async def test_polling_an_empty_list_ends_the_call_with_a_message(wasi: System) -> None:
    outcome = await wasi.run(module("(call $poll (i32.const 0) (i32.const 0) (i32.const 512)) " + RETURN, imports=SLEEP))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.LIMIT
    assert "empty list" in outcome.failure.message


async def test_poll_returns_the_first_that_is_ready(wasi: System) -> None:
    # Two pollables, a day and a millisecond; the answer is a list of indexes at 512: pointer, length.
    polling = (
        "(i32.store (i32.const 600) (call $sleep (i64.const 86400000000000)))"
        "(i32.store (i32.const 604) (call $sleep (i64.const 1000000)))"
        "(call $poll (i32.const 600) (i32.const 2) (i32.const 512))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200) (i32.add (i32.mul (i32.const 10) (i32.load (i32.const 516)))"
        " (i32.load (i32.load (i32.const 512))))))" + RETURN
    )
    outcome = await wasi.run(module(polling, imports=SLEEP))
    assert outcome.response is not None and outcome.response.status == 211


async def test_output_arrives_line_by_line_with_its_stream(wasi: System) -> None:
    text = "first\nsecond ü\r\nrest".encode()
    host = RecordingHost()
    await wasi.run(module(says(text) + says(b"first", "stderr") + RETURN, imports=OUTPUT, items=at_4096(text)), host=host)
    assert host.lines == [("stdout", "first"), ("stdout", "second ü"), ("stdout", "rest"), ("stderr", "first")]


async def test_output_that_is_not_utf8_is_shown_with_replacements(wasi: System) -> None:
    host = RecordingHost()
    await wasi.run(module(says(b"a\xffb\n") + RETURN, imports=OUTPUT, items=at_4096(b"a\xffb\n")), host=host)
    assert host.lines == [("stdout", "a\ufffdb")]


async def test_lines_beyond_the_limit_are_dropped_with_one_notice(wasi: System) -> None:
    host = RecordingHost()
    loop = (
        "(local $out i32) (local $left i32) (local.set $out (call $stdout)) (local.set $left (i32.const 100000)) (loop $again "
        + says(b"0123456789\n").replace("(call $stdout)", "(local.get $out)")
        + ("(local.set $left (i32.sub (local.get $left) (i32.const 1))) (br_if $again (local.get $left)))")
    )
    outcome = await wasi.run(
        module(loop + RETURN, imports=OUTPUT, items=at_4096(b"0123456789\n")), host=host, limits=Limits(log_lines=50, timeout_ms=30_000)
    )
    assert outcome.response is not None
    assert len(host.lines) == 51
    assert "dropped" in host.lines[-1][1]


async def test_a_line_beyond_its_limit_is_truncated(wasi: System) -> None:
    host = RecordingHost()
    text = b"x" * 500 + b"\nshort\n"
    await wasi.run(module(says(text) + RETURN, imports=OUTPUT, items=at_4096(text)), host=host, limits=Limits(log_line_bytes=100))
    assert host.lines == [("stdout", "x" * 100), ("stdout", "short")]


async def test_a_trap_includes_the_last_stderr_lines(wasi: System) -> None:
    text = b"Traceback: line 7\n"
    outcome = await wasi.run(module(says(text, "stderr") + "unreachable", imports=OUTPUT, items=at_4096(text)))
    assert outcome.failure is not None
    assert outcome.failure.stderr == ["Traceback: line 7"]


@pytest.mark.parametrize("status", [0, 1])
async def test_exit_is_reported_as_exit(wasi: System, status: int) -> None:
    leaving = module(f"(call $exit (i32.const {status})) {RETURN}", imports=system("cli/exit", "exit", "exit", "(param i32)"))
    outcome = await wasi.run(leaving)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.EXIT
    assert f"code {status}" in outcome.failure.message


async def test_random_numbers_differ_between_calls(wasi: System) -> None:
    drawing = module(
        f"(i64.store (i32.const {RESPONSE_AT + 24}) (call $random)) " + RETURN,
        imports=system("random/random", "get-random-u64", "random", "(result i64)"),
        response=guests.response_record(200, bytes(8)),
    )
    drawn = {(await wasi.run(drawing)).response.body for _ in range(4)}  # type: ignore[union-attr]
    assert len(drawn) == 4


async def test_the_wall_clock_is_the_time_of_day(wasi: System) -> None:
    import time

    reading = module(
        f"(call $now (i32.const {RESPONSE_AT + 24})) " + RETURN,
        imports=system("clocks/wall-clock", "now", "now", "(param i32)"),
        response=guests.response_record(200, bytes(16)),
    )
    outcome = await wasi.run(reading)
    assert outcome.response is not None and outcome.response.body is not None
    seconds, nanoseconds = struct.unpack_from("<QI", outcome.response.body)
    assert abs(seconds + nanoseconds / 1e9 - time.time()) < 60


async def test_a_request_for_a_gigabyte_of_randomness_is_rejected(wasi: System) -> None:
    greedy = module(
        "(call $random (i64.const 1073741824) (i32.const 512)) " + RETURN,
        imports=system("random/random", "get-random-bytes", "random", "(param i64 i32)"),
    )
    outcome = await wasi.run(greedy)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.LIMIT


async def test_there_is_no_environment_no_argument_and_no_folder(wasi: System) -> None:
    looking = module(
        "(call $environment (i32.const 512)) (call $arguments (i32.const 520)) (call $folders (i32.const 528))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200)"
        " (i32.add (i32.load (i32.const 516)) (i32.add (i32.load (i32.const 524)) (i32.load (i32.const 532))))))" + RETURN,
        imports=system("cli/environment", "get-environment", "environment", "(param i32)")
        + system("cli/environment", "get-arguments", "arguments", "(param i32)")
        + system("filesystem/preopens", "get-directories", "folders", "(param i32)"),
    )
    outcome = await wasi.run(looking)
    assert outcome.response is not None and outcome.response.status == 200


async def test_sockets_return_their_own_denial_error(wasi: System) -> None:
    # The result at 512: byte 0 is 1 for an error, byte 4 the case; access-denied is the second.
    resolving = module(
        "(call $resolve (call $network) (i32.const 4096) (i32.const 9) (i32.const 512))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200) (i32.add (i32.mul (i32.const 10) (i32.load8_u (i32.const 512)))"
        " (i32.load8_u (i32.const 516)))))" + RETURN,
        imports=system("sockets/instance-network", "instance-network", "network", "(result i32)")
        + system("sockets/ip-name-lookup", "resolve-addresses", "resolve", "(param i32 i32 i32 i32)"),
        items=at_4096(b"localhost"),
    )
    outcome = await wasi.run(resolving)
    assert outcome.response is not None and outcome.response.status == 211


async def test_stdin_is_closed(wasi: System) -> None:
    # The result at 512: byte 0 is 1 for an error, byte 4 the case of stream-error; closed is the second.
    reading = module(
        "(call $read (call $stdin) (i64.const 10) (i32.const 512))"
        "(i32.store16 (i32.const 1024) (i32.add (i32.const 200) (i32.add (i32.mul (i32.const 10) (i32.load8_u (i32.const 512)))"
        " (i32.load8_u (i32.const 516)))))" + RETURN,
        imports=system("cli/stdin", "get-stdin", "stdin", "(result i32)")
        + system("io/streams", "[method]input-stream.read", "read", "(param i32 i64 i32)"),
    )
    outcome = await wasi.run(reading)
    assert outcome.response is not None and outcome.response.status == 211


@pytest.mark.parametrize("version", ["0.2.0", "0.2.6", "0.2.12"])
async def test_any_version_of_wasi_0_2_links(wasi: System, version: str) -> None:
    imports = SLEEP.replace("@0.2.3", f"@{version}")
    outcome = await wasi.run(module("(call $block (call $sleep (i64.const 1000))) " + RETURN, imports=imports), version=version)
    assert outcome.response is not None


async def test_a_forged_handle_is_a_trap(wasi: System) -> None:
    outcome = await wasi.run(module("(call $block (i32.const 77)) " + RETURN, imports=SLEEP))
    assert outcome.failure is not None and outcome.failure.code is FailureCode.TRAP
    assert "handle" in outcome.failure.message
