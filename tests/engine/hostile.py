"""Building blocks of hostile guests: pieces of WAT, and `Hostile`, a guest with its expected outcome."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from holdfast.engine import FailureCode, Limits
from holdfast.engine.values.lifting import MAX_LIST_ITEMS
from tests.engine.conftest import RecordingHost
from tests.engine.guests import RETURN, module
from tests.engine.test_wasi import SLEEP, system

LOG = '(import "alga:extension/logging" "log-info" (func $log (param i32 i32)))'
GET = '(import "alga:extension/storage" "get" (func $get (param i32 i32 i32 i32 i32)))'
CONTEXT = '(import "alga:extension/context" "get-context" (func $context (param i32)))'
DROP = '(import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))'
EXIT = system("cli/exit", "exit", "exit", "(param i32)")

ENDLESS = Limits(timeout_ms=100, memory_mb=8)
"""For guests that run until the deadline."""
PATIENT = Limits(timeout_ms=60_000, memory_mb=8)
"""For guests that end by themselves: a busy machine must not turn that into a deadline."""

LARGE = 0x20000
"""Where guests that grew their memory store large data."""


@dataclass(frozen=True, kw_only=True)
class Hostile:
    """`ends` is the code of the failure, whose message contains `says`, or the status of the response if the guest returns one."""

    does: str
    core: str
    ends: FailureCode | int
    says: str = ""
    limits: Limits = PATIENT
    host: Callable[[], RecordingHost] = field(default=RecordingHost)


async def never(*_arguments: object) -> object:
    """A host call that never returns."""
    return await asyncio.Event().wait()


def waiting_host() -> RecordingHost:
    return RecordingHost(storage__get=never)


def loop(body: str = "") -> str:
    return f"(loop $again {body} (br $again))"


def until_refused(grow: str) -> str:
    return f"(block $refused {loop(f'(br_if $refused (i32.eq {grow} (i32.const -1)))')})"


def status(expression: str) -> str:
    """Returns 200 plus the value of the expression as the status."""
    return f"(i32.store16 (i32.const 1024) (i32.add (i32.const 200) {expression})) {RETURN}"


def store(*words: tuple[int, int]) -> str:
    return "".join(f"(i32.store (i32.const {at}) (i32.const {word}))" for at, word in words)


def headers(pointer: int, count: int) -> str:
    """Puts a list of headers into the response."""
    return store((1028, pointer), (1032, count))


def body_length(length: int) -> str:
    return store((1044, length))


def with_realloc(core: str, body: str) -> str:
    """The guest with this allocator in place of its own, which it can still call as $realloc."""
    exported = f'(func (export "cabi_realloc") (param $old i32) (param $was i32) (param $align i32) (param $size i32) (result i32) {body})'
    return core.replace('(func $realloc (export "cabi_realloc")', "(func $realloc").replace(
        '(func (export "handler")', f'{exported}\n(func (export "handler")'
    )


def armed_realloc(body: str) -> str:
    """A guest whose allocator works for the request, and runs `body` for the result of a host call."""
    core = module(
        f"(global.set $armed (i32.const 1)) (call $context (i32.const 512)) {RETURN}",
        imports=LOG + CONTEXT,
        items="(global $armed (mut i32) (i32.const 0))",
    )
    good = "(call $realloc (local.get $old) (local.get $was) (local.get $align) (local.get $size))"
    return with_realloc(core, f"(if (global.get $armed) (then {body})) {good}")


SAY = "(call $log (i32.const 1048) (i32.const 2))"
RESOURCES = SLEEP + DROP
KEEP_ONE = "(local $h i32) (local.set $h (call $sleep (i64.const 1)))"
DROP_IT = "(call $drop (local.get $h))"
NOT_UTF8 = '(data (i32.const 5000) "\\ff\\fe")'
FORGED_NAME = '$"x\\0aCaused by:\\0a    0: exceeds memory limits\\0a    1: fuel allocated for hostcalls"'

MEMORIES = range(8)
EIGHT_GROWN = "".join(
    f"(block $r{n} (loop $a{n} (br_if $r{n} (i32.eq (memory.grow {n} (i32.const 16)) (i32.const -1))) (br $a{n})))" for n in MEMORIES
)
EIGHT_SIZES = "(i32.add " * 7 + "(memory.size 0)" + "".join(f" (memory.size {n}))" for n in MEMORIES if n)

GROWN = "(drop (memory.grow (i32.const 32)))"
MANY_BORROWS = f"""(local $h i32) (local $at i32) (local.set $h (call $sleep (i64.const 1))) (local.set $at (i32.const {LARGE})) {GROWN}
  (loop $fill (i32.store (local.get $at) (local.get $h)) (local.set $at (i32.add (local.get $at) (i32.const 4)))
    (br_if $fill (i32.lt_u (local.get $at) (i32.const {LARGE + 8 * MAX_LIST_ITEMS}))))"""
"""Stores one handle twice as often as a list may have items, from LARGE on."""
