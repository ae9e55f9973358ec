"""Records a call and replays it: every host result, clock reading and random number, in the order in which the guest requested them.

A guest has one thread and no other input, so the same component with the same request and the same results returns the same response,
byte for byte, without a host. A recording contains everything the guest received, secrets included: store it as you store those.
"""

from __future__ import annotations

from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from holdfast.engine.call.host import Host
from holdfast.engine.wasi import Sources, SystemSources
from holdfast.errors import HoldfastError
from holdfast.world.functions import Function, WitError
from holdfast.world.types import ExecuteRequest

FORMAT = 1


class HostResult(Struct, frozen=True, tag="host"):
    """The result of a host function: `value` is its msgpack, or `refused` the error case."""

    function: str
    value: bytes = b""
    refused: str | None = None


class WallClock(Struct, frozen=True, tag="wall"):
    nanoseconds: int


class Monotonic(Struct, frozen=True, tag="monotonic"):
    nanoseconds: int


class Random(Struct, frozen=True, tag="random"):
    data: bytes


Entry = HostResult | WallClock | Monotonic | Random


class Recording(Struct, frozen=True):
    """Everything that a replay needs: the hash of the component, the request, and all that the guest received."""

    component_sha256: str
    request: ExecuteRequest
    entries: list[Entry]
    format: int = FORMAT

    def to_bytes(self) -> bytes:
        """The recording as msgpack."""
        return msgspec.msgpack.encode(self)


class RecordingUnreadable(HoldfastError):
    """Raised when bytes are not a recording of this format."""

    code = "recording_unreadable"
    status = 400


class ReplayDiverged(HoldfastError):
    """Raised when a replayed guest requests something else than the recording has next: another component, or another engine."""

    code = "replay_diverged"
    status = 409


def read_recording(data: bytes) -> Recording:
    """Reads what `Recording.to_bytes` wrote. Raises RecordingUnreadable."""
    try:
        recording = msgspec.msgpack.decode(data, type=Recording)
    except msgspec.MsgspecError as error:
        raise RecordingUnreadable(f"The file is not a recording: {error}.", hint="Record the call again.") from None
    if recording.format != FORMAT:
        raise RecordingUnreadable(
            f"The recording has format {recording.format}; this version reads {FORMAT}.", hint="Record the call again."
        )
    return recording


class Recorder:
    """Passes everything between a call and its host and sources, and records it. Pass it to `Engine.execute` as both."""

    def __init__(self, host: Host, sources: Sources | None = None) -> None:
        self._host = host
        self._sources = sources or SystemSources()
        self._entries: list[Entry] = []

    def recording(self, component_sha256: str, request: ExecuteRequest) -> Recording:
        """The recording so far."""
        return Recording(component_sha256, request, list(self._entries))

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        try:
            value = await self._host.call(function, args)
        except WitError as error:
            self._entries.append(HostResult(function.id, refused=error.case.value))
            raise
        self._entries.append(HostResult(function.id, msgspec.msgpack.encode(value)))
        return value

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        self._host.output(stream, line)

    def wall_clock_ns(self) -> int:
        now = self._sources.wall_clock_ns()
        self._entries.append(WallClock(now))
        return now

    def monotonic_ns(self) -> int:
        now = self._sources.monotonic_ns()
        self._entries.append(Monotonic(now))
        return now

    def random_bytes(self, count: int) -> bytes:
        data = self._sources.random_bytes(count)
        self._entries.append(Random(data))
        return data

    async def wait(self, nanoseconds: int) -> None:
        await self._sources.wait(nanoseconds)


_Kind = TypeVar("_Kind", bound=Struct)


class Replay:
    """The host and the sources of a replayed call. Never waits: the recorded clock shows the time as passed."""

    def __init__(self, recording: Recording) -> None:
        self._entries = iter(recording.entries)
        self.lines: list[tuple[str, str]] = []
        """What the guest wrote during the replay, as (stream, line)."""

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        entry = self._next(HostResult, f"host call {function.id}")
        if entry.function != function.id:
            raise ReplayDiverged(f"The guest calls {function.id}; in the recording it called {entry.function}.")
        if entry.refused is not None and function.err is not None:
            raise WitError(function.err(entry.refused))
        return None if function.ok is None else msgspec.msgpack.decode(entry.value, type=function.ok)

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        self.lines.append((stream, line))

    def wall_clock_ns(self) -> int:
        return self._next(WallClock, "reading of the wall clock").nanoseconds

    def monotonic_ns(self) -> int:
        return self._next(Monotonic, "reading of the monotonic clock").nanoseconds

    def random_bytes(self, count: int) -> bytes:
        data = self._next(Random, "random number").data
        if len(data) != count:
            raise ReplayDiverged(f"The guest requests {count} random bytes; in the recording it requested {len(data)}.")
        return data

    async def wait(self, nanoseconds: int) -> None:
        pass

    def _next(self, kind: type[_Kind], what: str) -> _Kind:
        entry = next(self._entries, None)
        if not isinstance(entry, kind):
            recorded = "nothing more" if entry is None else type(entry).__name__.lower()
            raise ReplayDiverged(
                f"The guest requests a {what}; the recording has {recorded} here.", hint="Replay it with the recorded component."
            )
        return entry
