"""The guest's whole operating system: WASI 0.2 as host functions of our own. No files, no network, no environment.

Clocks and randomness come from the call's `Sources`, so that a call can be recorded and replayed. Only `poll` and
`pollable.block` wait, on the event loop, inside the call's deadline.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol

from holdfast.engine.capi import NativeCall
from holdfast.engine.outcome import GuestExit, LimitReached
from holdfast.engine.output import GuestOutput
from holdfast.engine.values.layout import Err, Ok
from holdfast.engine.values.shapes import EnumOf, ResultOf, Signature, VariantOf

RANDOM_MAX_BYTES = 1 << 20
"""Most random bytes one request gets."""

WRITE_MAX_BYTES = 65_536
"""Most bytes that a stream takes at once, which is what `check-write` answers."""

HANDLES_MAX = 10_000
"""Most resources that a call holds at once: each costs memory of the host, which no limit of the guest's memory counts."""


class Sources(Protocol):
    """Every source of nondeterminism that the operating system has."""

    def wall_clock_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary moment; never goes back."""

    def random_bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""

    async def wait(self, nanoseconds: int) -> None:
        """Lets this much time pass, on the event loop."""


class SystemSources:
    """The real ones."""

    def wall_clock_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    async def wait(self, nanoseconds: int) -> None:
        await asyncio.sleep(nanoseconds / 1e9)


class System(Protocol):
    """What a call's state offers to these functions."""

    sources: Sources
    stdout: GuestOutput
    stderr: GuestOutput


# ---- resources: numbers are host resource types, names are WASI's ---------------------------------------------------------------

_RESOURCE_TYPES: dict[str, int] = {}
_ALIASES = {"io-error": "error", "headers": "fields", "trailers": "fields"}
"""Names under which `wasi:http/types` exports a resource that has another name where it is defined."""


def resource_type(name: str) -> int:
    """The host type of a resource; equal names are one type, so interfaces that re-export a resource agree."""
    return _RESOURCE_TYPES.setdefault(_ALIASES.get(name, name), len(_RESOURCE_TYPES) + 1)


class Pollable:
    """Ready at a moment of the call's monotonic clock; 0 is always ready."""

    resource_type: ClassVar[int] = resource_type("pollable")

    def __init__(self, ready_ns: int = 0) -> None:
        self.ready_ns = ready_ns


class InputStream:
    """Empty and closed: a guest has nothing to read."""

    resource_type: ClassVar[int] = resource_type("input-stream")


class OutputStream:
    resource_type: ClassVar[int] = resource_type("output-stream")

    def __init__(self, output: GuestOutput) -> None:
        self.output = output


class Network:
    """Named by every socket call, and good for none."""

    resource_type: ClassVar[int] = resource_type("network")


# ---- functions -----------------------------------------------------------------------------------------------------------------

Implementation = Callable[..., Any]
_CLOSED = Err(("closed", None))


def _system(call: NativeCall) -> System:
    system: System = call.state
    return system


def _now(call: NativeCall) -> int:
    return _system(call).sources.monotonic_ns()


async def _until(call: NativeCall, ready_ns: int) -> None:
    await _system(call).sources.wait(max(0, ready_ns - _now(call)))


def _block(call: NativeCall, pollable: int) -> Awaitable[None]:
    return _until(call, call.resources[pollable].ready_ns)


def _poll(call: NativeCall, pollables: list[int]) -> Awaitable[list[int]]:
    if not pollables:
        raise LimitReached("the guest polls nothing, which would wait for ever")
    moments = [call.resources[pollable].ready_ns for pollable in pollables]  # read now: handles end with this callback

    async def wait() -> list[int]:
        earliest = min(moments)
        await _until(call, earliest)
        now = max(_now(call), earliest)
        return [index for index, moment in enumerate(moments) if moment <= now]

    return wait()


def _wall_clock(call: NativeCall) -> tuple[int, int]:
    return divmod(_system(call).sources.wall_clock_ns(), 1_000_000_000)


def _keep(call: NativeCall, thing: object) -> int:
    if len(call.resources) >= HANDLES_MAX:
        raise LimitReached(f"the guest holds more than {HANDLES_MAX} resources at once; drop those it no longer needs")
    return call.keep(thing)


def _subscribe_duration(call: NativeCall, nanoseconds: int) -> int:
    return _keep(call, Pollable(_now(call) + nanoseconds))


def _random(call: NativeCall, count: int) -> bytes:
    if count > RANDOM_MAX_BYTES:
        raise LimitReached(f"the guest asks for {count} random bytes at once; the limit is {RANDOM_MAX_BYTES}")
    return _system(call).sources.random_bytes(count)


def _random_u64(call: NativeCall) -> int:
    return int.from_bytes(_system(call).sources.random_bytes(8), "little")


def _write(call: NativeCall, stream: int, data: bytes) -> Ok:
    if len(data) > WRITE_MAX_BYTES:
        raise LimitReached(f"the guest writes {len(data)} bytes at once; the stream takes {WRITE_MAX_BYTES}")
    call.resources[stream].output.write(data)
    return Ok()


def _write_zeroes(call: NativeCall, stream: int, count: int) -> Ok:
    call.resources[stream].output.write(bytes(min(count, 4096)))
    return Ok()


def _exit(call: NativeCall, result: Ok | Err) -> None:
    raise GuestExit(0 if isinstance(result, Ok) else 1)


def _exit_with_code(call: NativeCall, code: int) -> None:
    raise GuestExit(code)


def _closed(call: NativeCall, *_arguments: Any) -> Err:
    return _CLOSED


def _always_ready(call: NativeCall, _stream: int) -> int:
    return _keep(call, Pollable())


def _answer(value: Any) -> Implementation:
    return lambda call, *_arguments: value


FUNCTIONS: dict[tuple[str, str], Implementation] = {
    ("cli/environment", "get-environment"): _answer([]),
    ("cli/environment", "get-arguments"): _answer([]),
    ("cli/environment", "initial-cwd"): _answer(None),
    ("cli/exit", "exit"): _exit,
    ("cli/exit", "exit-with-code"): _exit_with_code,
    ("cli/stdin", "get-stdin"): lambda call: _keep(call, InputStream()),
    ("cli/stdout", "get-stdout"): lambda call: _keep(call, OutputStream(_system(call).stdout)),
    ("cli/stderr", "get-stderr"): lambda call: _keep(call, OutputStream(_system(call).stderr)),
    ("cli/terminal-stdin", "get-terminal-stdin"): _answer(None),
    ("cli/terminal-stdout", "get-terminal-stdout"): _answer(None),
    ("cli/terminal-stderr", "get-terminal-stderr"): _answer(None),
    ("clocks/monotonic-clock", "now"): _now,
    ("clocks/monotonic-clock", "resolution"): _answer(1),
    ("clocks/monotonic-clock", "subscribe-instant"): lambda call, moment: _keep(call, Pollable(moment)),
    ("clocks/monotonic-clock", "subscribe-duration"): _subscribe_duration,
    ("clocks/wall-clock", "now"): _wall_clock,
    ("clocks/wall-clock", "resolution"): _answer((0, 1)),
    ("clocks/timezone", "utc-offset"): _answer(0),
    ("io/error", "[method]error.to-debug-string"): _answer("closed"),
    ("io/poll", "poll"): _poll,
    ("io/poll", "[method]pollable.block"): _block,
    ("io/poll", "[method]pollable.ready"): lambda call, pollable: call.resources[pollable].ready_ns <= _now(call),
    ("io/streams", "[method]input-stream.read"): _closed,
    ("io/streams", "[method]input-stream.blocking-read"): _closed,
    ("io/streams", "[method]input-stream.skip"): _closed,
    ("io/streams", "[method]input-stream.blocking-skip"): _closed,
    ("io/streams", "[method]input-stream.subscribe"): _always_ready,
    ("io/streams", "[method]output-stream.check-write"): _answer(Ok(WRITE_MAX_BYTES)),
    ("io/streams", "[method]output-stream.write"): _write,
    ("io/streams", "[method]output-stream.blocking-write-and-flush"): _write,
    ("io/streams", "[method]output-stream.write-zeroes"): _write_zeroes,
    ("io/streams", "[method]output-stream.blocking-write-zeroes-and-flush"): _write_zeroes,
    ("io/streams", "[method]output-stream.flush"): _answer(Ok()),
    ("io/streams", "[method]output-stream.blocking-flush"): _answer(Ok()),
    ("io/streams", "[method]output-stream.subscribe"): _always_ready,
    ("io/streams", "[method]output-stream.splice"): _closed,
    ("io/streams", "[method]output-stream.blocking-splice"): _closed,
    ("random/random", "get-random-bytes"): _random,
    ("random/random", "get-random-u64"): _random_u64,
    ("random/insecure", "get-insecure-random-bytes"): _random,
    ("random/insecure", "get-insecure-random-u64"): _random_u64,
    ("random/insecure-seed", "insecure-seed"): lambda call: (_random_u64(call), _random_u64(call)),
    ("filesystem/preopens", "get-directories"): _answer([]),
    ("filesystem/types", "filesystem-error-code"): _answer(None),
    ("sockets/instance-network", "instance-network"): lambda call: _keep(call, Network()),
}

WAITING: frozenset[tuple[str, str]] = frozenset({("io/poll", "poll"), ("io/poll", "[method]pollable.block")})

_REFUSALS = ("access-denied", "not-permitted", "unsupported", "not-supported", "HTTP-request-denied")


def implementation(interface: str, function: str, signature: Signature) -> Implementation:
    """The function for `interface` (such as `io/streams`). What the system does not have is refused with the error the interface names
    for it, or, where it names none, ends the call with a sentence."""
    known = FUNCTIONS.get((interface, function))
    if known is not None:
        return known
    match signature.result:
        case ResultOf(err=EnumOf(cases=cases)):
            for refusal in _REFUSALS:
                if refusal in cases:
                    return _answer(Err(refusal))
        case ResultOf(err=VariantOf(cases=variants)):
            for name, payload in variants:
                if name in _REFUSALS and payload is None:
                    return _answer(Err((name, None)))
        case _:
            pass

    def missing(call: NativeCall, *_arguments: Any) -> Any:
        instead = "; use http.fetch of alga:extension, which is granted per host" if interface.startswith("http/") else ""
        raise LimitReached(f"the guest called wasi:{interface} {function}, which extensions do not have{instead}")

    return missing
