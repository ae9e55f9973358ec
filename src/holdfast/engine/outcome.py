"""What goes into a call beside the request, and what comes out: limits, outcome, failure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Literal, Protocol

from msgspec import Struct

from holdfast.world.functions import Function
from holdfast.world.types import ExecuteResponse

RESPONSE_BODY_MAX_BYTES = 2_621_440
"""2.5 MiB. Wasmtime itself stops lifting a body at about 2.66 MiB; a fixed limit below it gives every engine version the same answer."""


class Limits(Struct, frozen=True, kw_only=True):
    """The limits of one call. The caller has capped them; the engine enforces them."""

    timeout_ms: int = 5_000
    """Deadline of everything the call does: computing, host calls, sleeping. Milliseconds."""
    memory_mb: int = 256
    """Largest size of each linear memory, in MiB."""
    memories: int = 8
    tables: int = 64
    table_elements: int = 100_000
    instances: int = 100
    """Core instances that the component's instantiation may make."""
    log_lines: int = 200
    """Lines of stdout and stderr that are passed on; the rest is dropped, and said so once."""
    log_line_bytes: int = 8_192
    fuel: int | None = None
    """Units of computing, where the engine counts them; None for no limit of its own."""
    host_calls: int = 10_000
    """Calls of the world's functions, after which the guest is ended. What answers them has quotas of its own, with errors a guest can
    handle; this one is for the guest that does not."""


class FailureCode(StrEnum):
    """Why a call gave no response."""

    DEADLINE = "deadline"
    MEMORY = "memory"
    TRAP = "trap"
    EXIT = "exit"
    LIMIT = "limit"
    FUEL = "fuel"
    RESPONSE_TOO_LARGE = "response_too_large"
    INVALID_RESPONSE = "invalid_response"
    HOST = "host_failure"


class Failure(Struct, frozen=True):
    """`guest_stack` is innermost first; `stderr` is the last lines the guest wrote, where its language puts the position or traceback."""

    code: FailureCode
    message: str
    guest_stack: list[str]
    stderr: list[str]


class Outcome(Struct, frozen=True):
    """Exactly one of `response` and `failure` is there."""

    response: ExecuteResponse | None
    failure: Failure | None
    duration_ms: float
    fuel_used: int | None = None
    """Units of computing, equal for equal calls; None where the engine does not count them."""


class Host(Protocol):
    """Whom a guest's imports reach. One object per call."""

    async def call(self, function: Function, args: tuple[object, ...]) -> object:
        """Answers one imported function: values of the world's types in and out. Raises WitError for the error case of a result."""

    def output(self, stream: Literal["stdout", "stderr"], line: str) -> None:
        """One line that the guest wrote, without its newline. Must not block."""


class GuestExit(Exception):
    """The guest called exit; `code` is 0 for success."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the guest exited with code {code}")
        self.code = code


class LimitReached(Exception):
    """The guest used up a counted limit; the message names it."""


class DeadlinePassed(Exception):
    """The call used up its time; `timeout_ms` is how much it had."""

    def __init__(self, timeout_ms: int) -> None:
        super().__init__(f"the call did not finish within {timeout_ms} ms")


_FRAME = re.compile(r"^\s*\d+:\s+(?:0x[0-9a-f]+ - )?(?P<frame>.+?)\s*$")
_MEMORY_SIGNS = ("exceeds memory limits", "memory allocation", "out of memory", "MemoryError", "memory minimum size")


def classify(text: str, cause: BaseException | None, stderr: list[str]) -> Failure:
    """The failure behind Wasmtime's text and, where a host function ended the call, behind its exception."""
    # From the end, and signs are looked for in the cause alone: what stands before it has names that the guest chose for its functions.
    head, marker, causes = text.rpartition("Caused by:")
    if not marker:
        head, causes = text, ""
    frames = [match["frame"] for line in head.splitlines() if (match := _FRAME.match(line))]
    reasons = [re.sub(r"^\d+:\s+", "", line.strip()) for line in causes.splitlines() if line.strip()]
    message = reasons[-1] if reasons else head.strip().splitlines()[0] if head.strip() else "the guest stopped"
    match cause:
        case GuestExit():
            return Failure(FailureCode.EXIT, f"{cause}; a handler answers by returning, not by exiting", frames, stderr)
        case DeadlinePassed():
            return Failure(FailureCode.DEADLINE, str(cause), frames, stderr)
        case LimitReached():
            return Failure(FailureCode.LIMIT, str(cause), frames, stderr)
        case BaseException():
            return Failure(FailureCode.HOST, f"a host function failed: {type(cause).__name__}", frames, stderr)
        case None:
            pass
    if "all fuel consumed" in message:
        return Failure(FailureCode.FUEL, "the call used up the computing it may do", frames, stderr)
    if "fuel allocated for hostcalls" in message:
        return Failure(
            FailureCode.RESPONSE_TOO_LARGE, f"a value that left the guest is larger than {RESPONSE_BODY_MAX_BYTES} bytes", frames, stderr
        )
    # A guest that stops because its memory may not grow is known by what its language writes to stderr. One that stops in silence is a
    # trap: Wasmtime tells the guest alone that growth was refused, so a memory failure would be a guess.
    if any(sign in message or any(sign in line for line in stderr) for sign in _MEMORY_SIGNS):
        return Failure(FailureCode.MEMORY, f"the guest ran out of the memory it may use ({message})", frames, stderr)
    return Failure(FailureCode.TRAP, message, frames, stderr)
