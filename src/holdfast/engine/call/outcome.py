"""The outcome of a call: a response, or a failure classified from Wasmtime's error text."""

from __future__ import annotations

import re
from enum import StrEnum

from msgspec import Struct

from holdfast.engine.call.errors import DeadlinePassed, GuestExit, LimitReached
from holdfast.engine.call.limits import MAX_RESPONSE_BODY_BYTES
from holdfast.world.types import ExecuteResponse


class FailureCode(StrEnum):
    """Why a call returned no response."""

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
    """`guest_stack` is innermost first. `stderr` is the guest's last lines: its language prints the position or traceback there."""

    code: FailureCode
    message: str
    guest_stack: list[str]
    stderr: list[str]


class Outcome(Struct, frozen=True):
    """Exactly one of `response` and `failure` is set."""

    response: ExecuteResponse | None
    failure: Failure | None
    duration_ms: float
    fuel_used: int | None = None
    """Units of computing, the same for every run of the same call; None where the engine does not count them."""
    cpu_seconds: float = 0.0
    """CPU time of the guest and of the conversion of its values, without what ran while it waited."""


_FRAME = re.compile(r"^\s*\d+:\s+(?:0x[0-9a-f]+ - )?(?P<frame>.+?)\s*$")
_STACK_SIGN = "call stack exhausted"
_NEVER_SETTLES = "event loop error, but no exception is pending"
"""What StarlingMonkey writes before it stops for this reason."""
_MIN_REPEATED_FRAMES = 12
_OUT_OF_MEMORY_SIGNS = ("exceeds memory limits", "memory allocation", "out of memory", "MemoryError", "memory minimum size")


def classify(text: str, cause: BaseException | None, stderr: list[str]) -> Failure:
    """Classifies a failed call.

    `text` is Wasmtime's error text, which may be empty, `cause` the exception with which the host ended the call, if it did, and `stderr`
    the guest's last lines.
    """
    # Split from the end and search for signs in the causes only: the text before them contains function names that the guest chose.
    head, marker, causes = text.rpartition("Caused by:")
    if not marker:
        head, causes = text, ""
    frames = [match["frame"] for line in head.splitlines() if (match := _FRAME.match(line))]
    reasons = [re.sub(r"^\d+:\s+", "", line.strip()) for line in causes.splitlines() if line.strip()]
    message = reasons[-1] if reasons else head.strip().splitlines()[0] if head.strip() else "the guest stopped"
    match cause:
        case GuestExit():
            return Failure(FailureCode.EXIT, f"{cause}; a handler must return a response instead of exiting", frames, stderr)
        case DeadlinePassed():
            return Failure(FailureCode.DEADLINE, str(cause), frames, stderr)
        case LimitReached():
            return Failure(FailureCode.LIMIT, str(cause), frames, stderr)
        case BaseException():
            return Failure(FailureCode.HOST, f"a host function failed: {type(cause).__name__}", frames, stderr)
        case None:
            pass
    if "all fuel consumed" in message:
        return Failure(FailureCode.FUEL, "the call used all the fuel it may use", frames, stderr)
    if "fuel allocated for hostcalls" in message:
        return Failure(
            FailureCode.RESPONSE_TOO_LARGE, f"a value that left the guest is larger than {MAX_RESPONSE_BODY_BYTES} bytes", frames, stderr
        )
    # Only stderr shows that a guest stopped because its memory could not grow. A guest that stops silently counts as a trap: Wasmtime
    # reports the denied growth to the guest alone, so calling it a memory failure would be a guess.
    if any(sign in message or any(sign in line for line in stderr) for sign in _OUT_OF_MEMORY_SIGNS):
        return Failure(FailureCode.MEMORY, f"the guest ran out of memory ({message})", frames, stderr)
    if any(_NEVER_SETTLES in line for line in stderr):
        message = "the handler awaits a promise that never settles: no timer is left that could settle it"
    if _STACK_SIGN in message or ("out of bounds memory access" in message and _is_recursion(frames)):
        message = f"{message}: functions call each other too deeply; end the recursion sooner, or use a loop"
    return Failure(FailureCode.TRAP, message, frames, stderr)


def _is_recursion(frames: list[str]) -> bool:
    """Whether the innermost frames repeat. Guests keep their stack at the start of their memory, so recursion can lead out of it."""
    return any(
        frames[period : period + _MIN_REPEATED_FRAMES] == frames[:_MIN_REPEATED_FRAMES] and len(frames) >= period + _MIN_REPEATED_FRAMES
        for period in range(1, 9)
    )
