"""WASI 0.2, the whole operating system of a guest, as host functions of our own. No files, no network, no environment.

Wasmtime's own implementation is not used: it blocks the thread while a guest sleeps, and aborts the process on the asynchronous path.
Clocks and randomness come from the call's `Sources`, so a call can be recorded and replayed. Only `poll` and `pollable.block` wait, on
the event loop, within the call's deadline.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, ClassVar, Protocol

from holdfast.engine.call.errors import GuestExit, LimitReached
from holdfast.engine.capi import NativeCall
from holdfast.engine.guest_output import GuestOutput
from holdfast.engine.values.layout import Err, Ok
from holdfast.engine.values.types import EnumOf, ResultOf, Signature, VariantOf

MAX_RANDOM_BYTES = 1 << 20
"""Maximum number of random bytes in one request."""

MAX_WRITE_BYTES = 65_536
"""Maximum number of bytes in one write; `check-write` returns it."""

MAX_RESOURCES = 10_000
"""Maximum number of resources that a call holds at once: each uses memory of the host, which the guest's memory limit does not count."""


class Sources(Protocol):
    """Every source of nondeterminism of a call."""

    def wall_clock_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""

    def monotonic_ns(self) -> int:
        """Nanoseconds since an arbitrary moment; never decreases."""

    def random_bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""

    async def wait(self, nanoseconds: int) -> None:
        """Waits on the event loop."""


class SystemSources:
    """The clocks and randomness of this machine."""

    def wall_clock_ns(self) -> int:
        return time.time_ns()

    def monotonic_ns(self) -> int:
        return time.monotonic_ns()

    def random_bytes(self, count: int) -> bytes:
        return os.urandom(count)

    async def wait(self, nanoseconds: int) -> None:
        await asyncio.sleep(nanoseconds / 1e9)


class System(Protocol):
    """The part of a call's state that these functions use."""

    sources: Sources
    stdout: GuestOutput
    stderr: GuestOutput


# Resources. WASI names them; the engine numbers their host types.

_RESOURCE_TYPES: dict[str, int] = {}
_ALIASES = {"io-error": "error", "headers": "fields", "trailers": "fields"}
"""Names under which `wasi:http/types` exports a resource that another interface defines under another name."""


def resource_type(name: str) -> int:
    """The host type of a resource. Equal names share one type, so an interface that re-exports a resource of another one links."""
    return _RESOURCE_TYPES.setdefault(_ALIASES.get(name, name), len(_RESOURCE_TYPES) + 1)


class Pollable:
    """Becomes ready at a time of the call's monotonic clock; 0 means always ready."""

    resource_type: ClassVar[int] = resource_type("pollable")

    def __init__(self, ready_ns: int = 0) -> None:
        self.ready_ns = ready_ns


class InputStream:
    """Empty and closed: guests have no input but the request."""

    resource_type: ClassVar[int] = resource_type("input-stream")


class OutputStream:
    """Writes to the stdout or stderr of the call."""

    resource_type: ClassVar[int] = resource_type("output-stream")

    def __init__(self, output: GuestOutput) -> None:
        self.output = output


class Network:
    """Socket functions take one as a parameter; every one of them returns an error."""

    resource_type: ClassVar[int] = resource_type("network")


# Functions.

Implementation = Callable[..., Any]
_CLOSED = Err(("closed", None))


def _system(call: NativeCall) -> System:
    system: System = call.state
    return system


def _now(call: NativeCall) -> int:
    return _system(call).sources.monotonic_ns()


async def _wait_until(call: NativeCall, ready_ns: int) -> None:
    await _system(call).sources.wait(max(0, ready_ns - _now(call)))


def _block(call: NativeCall, pollable: int) -> Awaitable[None]:
    return _wait_until(call, call.resources[pollable].ready_ns)


def _poll(call: NativeCall, pollables: list[int]) -> Awaitable[list[int]]:
    if not pollables:
        raise LimitReached("the guest polls an empty list, which would wait forever")
    moments = [call.resources[pollable].ready_ns for pollable in pollables]  # read now: the handles are invalid after this callback

    async def wait() -> list[int]:
        earliest = min(moments)
        await _wait_until(call, earliest)
        now = max(_now(call), earliest)
        return [index for index, moment in enumerate(moments) if moment <= now]

    return wait()


def _wall_clock(call: NativeCall) -> tuple[int, int]:
    return divmod(_system(call).sources.wall_clock_ns(), 1_000_000_000)


def _add_resource(call: NativeCall, resource: object) -> int:
    if len(call.resources) >= MAX_RESOURCES:
        raise LimitReached(f"the guest holds more than {MAX_RESOURCES} resources at once; drop those it no longer needs")
    return call.add_resource(resource)


def _subscribe_duration(call: NativeCall, nanoseconds: int) -> int:
    return _add_resource(call, Pollable(_now(call) + nanoseconds))


def _random(call: NativeCall, count: int) -> bytes:
    if count > MAX_RANDOM_BYTES:
        raise LimitReached(f"the guest requests {count} random bytes at once; the limit is {MAX_RANDOM_BYTES}")
    return _system(call).sources.random_bytes(count)


def _random_u64(call: NativeCall) -> int:
    return int.from_bytes(_system(call).sources.random_bytes(8), "little")


def _write(call: NativeCall, stream: int, data: bytes) -> Ok:
    if len(data) > MAX_WRITE_BYTES:
        raise LimitReached(f"the guest writes {len(data)} bytes at once; the limit is {MAX_WRITE_BYTES}")
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
    return _add_resource(call, Pollable())


def _constant(value: Any) -> Implementation:
    return lambda call, *_arguments: value


FUNCTIONS: dict[tuple[str, str], Implementation] = {
    ("cli/environment", "get-environment"): _constant([]),
    ("cli/environment", "get-arguments"): _constant([]),
    ("cli/environment", "initial-cwd"): _constant(None),
    ("cli/exit", "exit"): _exit,
    ("cli/exit", "exit-with-code"): _exit_with_code,
    ("cli/stdin", "get-stdin"): lambda call: _add_resource(call, InputStream()),
    ("cli/stdout", "get-stdout"): lambda call: _add_resource(call, OutputStream(_system(call).stdout)),
    ("cli/stderr", "get-stderr"): lambda call: _add_resource(call, OutputStream(_system(call).stderr)),
    ("cli/terminal-stdin", "get-terminal-stdin"): _constant(None),
    ("cli/terminal-stdout", "get-terminal-stdout"): _constant(None),
    ("cli/terminal-stderr", "get-terminal-stderr"): _constant(None),
    ("clocks/monotonic-clock", "now"): _now,
    ("clocks/monotonic-clock", "resolution"): _constant(1),
    ("clocks/monotonic-clock", "subscribe-instant"): lambda call, moment: _add_resource(call, Pollable(moment)),
    ("clocks/monotonic-clock", "subscribe-duration"): _subscribe_duration,
    ("clocks/wall-clock", "now"): _wall_clock,
    ("clocks/wall-clock", "resolution"): _constant((0, 1)),
    ("clocks/timezone", "utc-offset"): _constant(0),
    ("io/error", "[method]error.to-debug-string"): _constant("closed"),
    ("io/poll", "poll"): _poll,
    ("io/poll", "[method]pollable.block"): _block,
    ("io/poll", "[method]pollable.ready"): lambda call, pollable: call.resources[pollable].ready_ns <= _now(call),
    ("io/streams", "[method]input-stream.read"): _closed,
    ("io/streams", "[method]input-stream.blocking-read"): _closed,
    ("io/streams", "[method]input-stream.skip"): _closed,
    ("io/streams", "[method]input-stream.blocking-skip"): _closed,
    ("io/streams", "[method]input-stream.subscribe"): _always_ready,
    ("io/streams", "[method]output-stream.check-write"): _constant(Ok(MAX_WRITE_BYTES)),
    ("io/streams", "[method]output-stream.write"): _write,
    ("io/streams", "[method]output-stream.blocking-write-and-flush"): _write,
    ("io/streams", "[method]output-stream.write-zeroes"): _write_zeroes,
    ("io/streams", "[method]output-stream.blocking-write-zeroes-and-flush"): _write_zeroes,
    ("io/streams", "[method]output-stream.flush"): _constant(Ok()),
    ("io/streams", "[method]output-stream.blocking-flush"): _constant(Ok()),
    ("io/streams", "[method]output-stream.subscribe"): _always_ready,
    ("io/streams", "[method]output-stream.splice"): _closed,
    ("io/streams", "[method]output-stream.blocking-splice"): _closed,
    ("random/random", "get-random-bytes"): _random,
    ("random/random", "get-random-u64"): _random_u64,
    ("random/insecure", "get-insecure-random-bytes"): _random,
    ("random/insecure", "get-insecure-random-u64"): _random_u64,
    ("random/insecure-seed", "insecure-seed"): lambda call: (_random_u64(call), _random_u64(call)),
    ("filesystem/preopens", "get-directories"): _constant([]),
    ("filesystem/types", "filesystem-error-code"): _constant(None),
    ("sockets/instance-network", "instance-network"): lambda call: _add_resource(call, Network()),
}

WAITING: frozenset[tuple[str, str]] = frozenset({("io/poll", "poll"), ("io/poll", "[method]pollable.block")})

_DENIALS = ("access-denied", "not-permitted", "unsupported", "not-supported", "HTTP-request-denied")


def implementation(interface: str, function: str, signature: Signature) -> Implementation:
    """Returns the function of an interface such as `io/streams`.

    A function that this host does not have returns an error case of its own result type that means denial. Where the type has none, the
    function ends the call and the failure names it.
    """
    available = FUNCTIONS.get((interface, function))
    if available is not None:
        return available
    match signature.result:
        case ResultOf(err=EnumOf(cases=cases)):
            for denial in _DENIALS:
                if denial in cases:
                    return _constant(Err(denial))
        case ResultOf(err=VariantOf(cases=variants)):
            for name, payload in variants:
                if name in _DENIALS and payload is None:
                    return _constant(Err((name, None)))
        case _:
            pass

    def missing(call: NativeCall, *_arguments: Any) -> Any:
        instead = "; use http.fetch of alga:extension, with the host declared in the manifest" if interface.startswith("http/") else ""
        raise LimitReached(f"the guest called wasi:{interface} {function}, which is not available to extensions{instead}")

    return missing
