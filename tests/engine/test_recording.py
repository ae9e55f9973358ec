"""The replay of a recorded call, without a host, returns the same response byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.engine import Engine, FailureCode, Limits
from holdfast.engine.recording import Monotonic, Recorder, RecordingUnreadable, Replay, read_recording
from holdfast.engine.wasi import SystemSources
from holdfast.world.functions import WitError
from holdfast.world.types import StorageEntry, StorageError
from tests.engine import guests
from tests.engine.conftest import RecordingHost, request
from tests.engine.guests import RESPONSE_AT, RETURN, module
from tests.engine.test_wasi import SLEEP, System, system

BODY = RESPONSE_AT + 24

# Puts into its body: a random number, the wall clock, the monotonic clock before and after a sleep, and the revision of a storage entry.
NONDETERMINISTIC = module(
    f"(i64.store (i32.const {BODY}) (call $random)) (call $wall (i32.const {BODY + 8}))"
    f"(i64.store (i32.const {BODY + 24}) (call $now)) (call $block (call $sleep (i64.const 30000000)))"
    f"(i64.store (i32.const {BODY + 32}) (call $now))"
    "(call $get (i32.const 4096) (i32.const 1) (i32.const 4096) (i32.const 1) (i32.const 600))"
    f"(i64.store (i32.const {BODY + 40}) (i64.load (i32.const 640))) (i64.store (i32.const {BODY + 48}) (i64.load (i32.const 600)))"
    + RETURN,
    imports=SLEEP
    + system("random/random", "get-random-u64", "random", "(result i64)")
    + system("clocks/wall-clock", "now", "wall", "(param i32)")
    + '(import "alga:extension/storage" "get" (func $get (param i32 i32 i32 i32 i32)))',
    items='(data (i32.const 4096) "n")',
    response=guests.response_record(200, bytes(56)),
)


@pytest.fixture
def wasi(engine: Engine, tmp_path: Path) -> System:
    return System(engine, tmp_path)


async def entry(*_: object) -> object:
    return StorageEntry("n", "n", b"value", 7)


async def conflict(*_: object) -> object:
    raise WitError(StorageError.CONFLICT)


@pytest.mark.parametrize("get", [entry, conflict], ids=["a value", "an error"])
async def test_a_replay_returns_the_same_response_without_a_host(engine: Engine, wasi: System, get: object) -> None:
    component = await wasi.load(NONDETERMINISTIC)
    recorder = Recorder(RecordingHost(storage__get=get))  # type: ignore[arg-type]
    first = await engine.execute(component, request(), recorder, Limits(), sources=recorder)
    assert first.failure is None
    recording = read_recording(recorder.recording(component.sha256, request()).to_bytes())
    for _ in range(2):
        replay = Replay(recording)
        again = await engine.execute(component, recording.request, replay, Limits(), sources=replay)
        assert again.response == first.response
    other = Recorder(RecordingHost(storage__get=get))  # type: ignore[arg-type]
    assert (await engine.execute(component, request(), other, Limits(), sources=other)).response != first.response


class SkippingSources(SystemSources):
    """A clock that skips every wait."""

    def __init__(self) -> None:
        self._skipped = 0

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() + self._skipped

    async def wait(self, nanoseconds: int) -> None:
        self._skipped += nanoseconds


async def test_a_replay_does_not_wait(engine: Engine, wasi: System) -> None:
    sleeper = await wasi.load(module("(call $block (call $sleep (i64.const 86400000000000))) " + RETURN, imports=SLEEP))
    recorder = Recorder(RecordingHost(), SkippingSources())
    first = await engine.execute(sleeper, request(), recorder, Limits(), sources=recorder)
    recording = recorder.recording(sleeper.sha256, request())
    assert [type(entry) for entry in recording.entries] == [Monotonic, Monotonic]
    replay = Replay(recording)
    # A sleep of a day within a deadline of seconds: the recorded clock says that the time has passed.
    outcome = await engine.execute(sleeper, request(), replay, Limits(), sources=replay)
    assert outcome.failure is None and outcome.response == first.response


async def test_another_component_diverges_with_a_failure(engine: Engine, wasi: System) -> None:
    component = await wasi.load(NONDETERMINISTIC)
    recorder = Recorder(RecordingHost(storage__get=entry))
    other = await wasi.load(module(RETURN))
    await engine.execute(other, request(), recorder, Limits(), sources=recorder)
    replay = Replay(recorder.recording(other.sha256, request()))
    outcome = await engine.execute(component, request(), replay, Limits(), sources=replay)
    assert outcome.failure is not None and outcome.failure.code is FailureCode.HOST
    assert "ReplayDiverged" in outcome.failure.message


@pytest.mark.parametrize("data", [b"", b"junk", b"\x80"])
def test_bytes_that_are_not_a_recording_are_rejected(data: bytes) -> None:
    with pytest.raises(RecordingUnreadable):
        read_recording(data)
