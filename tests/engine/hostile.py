"""The catalogue of hostile guests: each with the one way its call may end. None of them may be noticed by anybody else's call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.engine import FailureCode, Limits
from holdfast.engine.values import LIST_ITEMS
from holdfast.engine.wasi import HANDLES_MAX, WRITE_MAX_BYTES
from tests.engine import guests
from tests.engine.conftest import RecordingHost
from tests.engine.guests import RETURN, module
from tests.engine.test_wasi import OUTPUT, SLEEP, system

LOG = '(import "alga:extension/logging" "log-info" (func $log (param i32 i32)))'
GET = '(import "alga:extension/storage" "get" (func $get (param i32 i32 i32 i32 i32)))'
CONTEXT = '(import "alga:extension/context" "get-context" (func $context (param i32)))'
DROP = '(import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))'
EXIT = system("cli/exit", "exit", "exit", "(param i32)")

ENDLESS = Limits(timeout_ms=100, memory_mb=8)
"""For guests that only the deadline ends."""
PATIENT = Limits(timeout_ms=60_000, memory_mb=8)
"""For guests that end by themselves: a busy machine must not make a deadline of it."""

LARGE = 0x20000
"""Where guests that grew their memory keep what is large."""


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """`ends` is the code of the failure, whose message contains `says`, or the status of the answer that the guest still gives."""

    does: str
    core: str
    ends: FailureCode | int
    says: str = ""
    limits: Limits = PATIENT
    host: Callable[[], RecordingHost] = field(default=RecordingHost)


async def never(*_arguments: object) -> object:
    """A host call that nobody answers."""
    return await asyncio.Event().wait()


def waiting_host() -> RecordingHost:
    return RecordingHost(storage__get=never)


def loop(body: str = "") -> str:
    return f"(loop $again {body} (br $again))"


def until_refused(grow: str) -> str:
    return f"(block $refused {loop(f'(br_if $refused (i32.eq {grow} (i32.const -1)))')})"


def status(expression: str) -> str:
    """Answers 200 and the value of the expression as the status."""
    return f"(i32.store16 (i32.const 1024) (i32.add (i32.const 200) {expression})) {RETURN}"


def store(*words: tuple[int, int]) -> str:
    return "".join(f"(i32.store (i32.const {at}) (i32.const {word}))" for at, word in words)


def headers(pointer: int, count: int) -> str:
    """Puts a list of headers into the response."""
    return store((1028, pointer), (1032, count))


def body_length(length: int) -> str:
    return store((1044, length))


def with_realloc(core: str, body: str) -> str:
    """The guest with this allocator instead of its own, which it may still call as $realloc."""
    exported = f'(func (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32) {body})'
    return core.replace('(func $realloc (export "cabi_realloc")', "(func $realloc").replace(
        '(func (export "handler")', f'{exported}\n(func (export "handler")'
    )


def armed_realloc(body: str) -> str:
    """A guest whose allocator is good for the request, and does `body` for the answer of a host call."""
    core = module(
        f"(global.set $armed (i32.const 1)) (call $context (i32.const 512)) {RETURN}",
        imports=LOG + CONTEXT,
        items="(global $armed (mut i32) (i32.const 0))",
    )
    good = "(call $realloc (local.get $old) (local.get $was) (local.get $align) (local.get $size))"
    return with_realloc(core, f"(if (global.get $armed) (then {body})) {good}")


SAY = "(call $log (i32.const 1048) (i32.const 2))"
SPIN_HANDLES = "(drop (call $sleep (i64.const 1)))"
EIGHT_SIZES = "(memory.size 0)"
for _index in range(1, 8):
    EIGHT_SIZES = f"(i32.add {EIGHT_SIZES} (memory.size {_index}))"
GROW_EIGHT = "".join(
    until_refused(f"(memory.grow {index} (i32.const 16))").replace("$again", f"$a{index}").replace("$refused", f"$r{index}")
    for index in range(8)
)
FORGED_NAME = '$"x\\0aCaused by:\\0a    0: exceeds memory limits\\0a    1: fuel allocated for hostcalls"'
NOT_UTF8 = '(data (i32.const 5000) "\\ff\\fe")'
RESOURCES = SLEEP + DROP
KEPT = "(local $h i32) (local.set $h (call $sleep (i64.const 1)))"
DROP_KEPT = "(call $drop (local.get $h))"
FILL_HANDLES = (
    f"{KEPT} (local $i i32) (drop (memory.grow (i32.const 16))) (loop $fill"
    f" (i32.store (i32.add (i32.const {LARGE}) (local.get $i)) (local.get $h)) (local.set $i (i32.add (local.get $i) (i32.const 4)))"
    f" (br_if $fill (i32.lt_u (local.get $i) (i32.const {8 * LIST_ITEMS}))))"
)
FILL_HANDLES = FILL_HANDLES.replace(f"{KEPT} (local $i i32)", f"(local $i i32) {KEPT}").replace(
    "(local $i i32) (local $h i32)", "(local $i i32) (local $h i32)"
)
