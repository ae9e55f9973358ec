"""The catalogue of hostile guests. None of them may affect another call."""

from __future__ import annotations

from functools import partial

from holdfast.engine import FailureCode, Limits
from holdfast.engine.values.lifting import MAX_LIST_ITEMS
from holdfast.engine.wasi import MAX_RESOURCES, MAX_WRITE_BYTES
from tests.engine import guests
from tests.engine.guests import RETURN, module
from tests.engine.hostile import (
    CONTEXT,
    DROP,
    DROP_IT,
    EIGHT_GROWN,
    EIGHT_SIZES,
    ENDLESS,
    EXIT,
    FORGED_NAME,
    GET,
    GROWN,
    KEEP_ONE,
    LARGE,
    LOG,
    MANY_BORROWS,
    NOT_UTF8,
    RESOURCES,
    SAY,
    Hostile,
    armed_realloc,
    body_length,
    headers,
    loop,
    status,
    store,
    until_refused,
    waiting_host,
    with_realloc,
)
from tests.engine.test_wasi import OUTPUT, SLEEP

_HUNDRED_MIB = 100 << 20
_OUT_OF_BOUNDS = "pointer/length out of bounds"

endless = partial(Hostile, ends=FailureCode.DEADLINE, limits=ENDLESS)
traps = partial(Hostile, ends=FailureCode.TRAP)

_COMPUTING = [
    endless(does="loops", core=module(loop() + RETURN), says="100 ms"),
    endless(does="loops while it is instantiated", core=module(RETURN, items=f"(func $begin {loop()}) (start $begin)")),
    endless(
        does="loops while its result is cleaned up", core=module(RETURN, items=f'(func (export "cabi_post_handler") (param i32) {loop()})')
    ),
    endless(does="loops in the allocator for the request", core=with_realloc(module(RETURN), f"{loop()} (i32.const 0)")),
    endless(does="loops in the allocator for a host's result", core=armed_realloc(loop())),
    traps(
        does="recurses endlessly",
        core=module("(call $down) " + RETURN, items="(func $down (call $down) (call $down))"),
        says="call stack exhausted",
    ),
    traps(
        does="names a function after another failure",
        core=module(f"(call {FORGED_NAME}) {RETURN}", items=f"(func {FORGED_NAME} unreachable)"),
        says="unreachable",
    ),
]

_MEMORY = [
    Hostile(
        does="grows its memory in small steps",
        core=module(until_refused("(memory.grow (i32.const 1))") + status("(i32.div_u (memory.size) (i32.const 16))")),
        ends=208,
    ),
    Hostile(does="grows its memory by 2 GiB", core=module(status("(i32.add (i32.const 1) (memory.grow (i32.const 32768)))")), ends=200),
    Hostile(
        does="grows eight memories",  # to 7 MiB and a bit: the next MiB would be beyond the 8 MiB of each
        core=module(EIGHT_GROWN + status(f"(i32.div_u {EIGHT_SIZES} (i32.const 16))"), items="(memory 1)" * 7),
        ends=256,
    ),
    Hostile(
        does="grows its table",
        core=module(
            until_refused("(table.grow $t (ref.null func) (i32.const 1000))") + status("(i32.div_u (table.size $t) (i32.const 1000))"),
            items="(table $t 0 funcref)",
        ),
        ends=300,
    ),
    Hostile(
        does="starts larger than it may become",
        core=module(RETURN, memory='(memory (export "memory") 1024)'),
        ends=FailureCode.MEMORY,
        says="1024 pages",
    ),
    # Only the guest sees that growth failed: a guest that then stops silently is a trap like any other.
    traps(
        does="aborts when an allocation of 256 MiB fails",
        core=module(f"(drop (call $realloc (i32.const 0) (i32.const 0) (i32.const 1) (i32.const {256 << 20}))) {RETURN}"),
        says="unreachable",
    ),
]

_ANSWERS = [
    Hostile(
        does="returns 100 MiB",
        core=module(
            f"(drop (memory.grow (i32.const 1700))) {body_length(_HUNDRED_MIB)} {RETURN}", response=guests.response_record(200, b"x")
        ),
        ends=FailureCode.RESPONSE_TOO_LARGE,
        says="2621440 bytes",
        limits=Limits(timeout_ms=60_000, memory_mb=256),
    ),
    Hostile(
        does="returns more headers than anybody reads",
        core=module(GROWN + headers(LARGE, 2 * MAX_LIST_ITEMS) + RETURN),
        ends=FailureCode.LIMIT,
        says=f"list of {2 * MAX_LIST_ITEMS} items",
    ),
    traps(
        does="returns a header name that is not UTF-8",
        core=module(headers(4096, 1) + store((4096, 5000), (4100, 2)) + RETURN, items=NOT_UTF8),
        says="utf-8",
    ),
    traps(does="lies about its headers", core=module(headers(4096, 1_000_000) + RETURN), says=_OUT_OF_BOUNDS),
    traps(does="says it has 2**32-1 headers", core=module(headers(4096, -1) + RETURN), says=_OUT_OF_BOUNDS),
    traps(does="returns a wrong body length", core=module(body_length(1_000_000) + RETURN), says=_OUT_OF_BOUNDS),
    traps(does="claims a body of 2**32-1 bytes", core=module(body_length(-1) + RETURN), says=_OUT_OF_BOUNDS),
    traps(does="returns at an odd address", core=module("(i32.const 1025)"), says="not aligned"),
    traps(does="returns outside its memory", core=module("(i32.const -16)"), says="out of bounds"),
    traps(does="returns across the end of its memory", core=module("(i32.const 131068)"), says="out of bounds"),
    Hostile(
        does="returns a status of no protocol",
        core=module(RETURN, response=guests.response_record(0, None)),
        ends=FailureCode.INVALID_RESPONSE,
    ),
]

_ALLOCATORS = [
    traps(does="allocates outside its memory", core=with_realloc(module(RETURN), "(i32.const -16)"), says="beyond end of memory"),
    traps(does="allocates at an odd address", core=with_realloc(module(RETURN), "(i32.const 65537)"), says="not aligned"),
    Hostile(does="allocates everything at zero", core=with_realloc(module(RETURN), "(i32.const 0)"), ends=200),
    traps(
        does="allocates outside its memory for a host's result", core=armed_realloc("(return (i32.const -4))"), says="beyond end of memory"
    ),
    # The host is inside the guest here: no way leads from there to a host function, and so none back into the guest.
    traps(
        does="calls the host from the allocator for the request",
        core=with_realloc(module(RETURN, imports=LOG), f"{SAY} (i32.const 65536)"),
        says="cannot leave component instance",
    ),
    traps(does="calls the host from the allocator for a host's result", core=armed_realloc(SAY), says="cannot leave component instance"),
    traps(
        does="calls the host while its result is cleaned up",
        core=module(RETURN, imports=LOG, items=f'(func (export "cabi_post_handler") (param i32) {SAY})'),
        says="cannot leave component instance",
    ),
]

_HOST_CALLS = [
    traps(
        does="logs what is not UTF-8",
        core=module(f"(call $log (i32.const 5000) (i32.const 2)) {RETURN}", imports=LOG, items=NOT_UTF8),
        says="utf-8",
    ),
    traps(
        does="logs 2**32-1 bytes", core=module(f"(call $log (i32.const 1048) (i32.const -1)) {RETURN}", imports=LOG), says=_OUT_OF_BOUNDS
    ),
    Hostile(does="logs forever", core=module(loop(SAY) + RETURN, imports=LOG), ends=FailureCode.LIMIT, says="host calls"),
    endless(
        does="waits for a host that never returns",
        core=module(f"(call $get{' (i32.const 0)' * 4} (i32.const 512)) {RETURN}", imports=GET),
        host=waiting_host,
    ),
    traps(
        does="wants a result outside its memory",
        core=module(f"(call $context (i32.const -16)) {RETURN}", imports=CONTEXT),
        says="pointer out of bounds",
    ),
    traps(
        does="wants a result at an odd address",
        core=module(f"(call $context (i32.const 513)) {RETURN}", imports=CONTEXT),
        says="pointer not aligned",
    ),
]

_WRITE = "(call $write (call $stdout) (i32.const {at}) (i32.const {size}) (i32.const 512))"
_SAY_LINE = "(call $write (local.get $out) (i32.const 5000) (i32.const 2) (i32.const 512))"
_POLL = "(call $poll (i32.const {at}) (i32.const {count}) (i32.const 512))"

_SYSTEM = [
    endless(
        does="writes lines forever",
        core=module(
            f"(local $out i32) (local.set $out (call $stdout)) {loop(_SAY_LINE)} {RETURN}",
            imports=OUTPUT,
            items='(data (i32.const 5000) "a\\n")',
        ),
    ),
    Hostile(
        does="writes more at once than a stream takes",
        core=module(GROWN + _WRITE.format(at=LARGE, size=MAX_WRITE_BYTES + 1) + RETURN, imports=OUTPUT),
        ends=FailureCode.LIMIT,
        says=f"{MAX_WRITE_BYTES + 1} bytes at once",
    ),
    endless(does="sleeps for a day", core=module(f"(call $block (call $sleep (i64.const {86_400 * 10**9}))) {RETURN}", imports=SLEEP)),
    endless(
        does="waits forever in short waits",
        core=module(
            "(local $h i32) " + loop("(local.set $h (call $sleep (i64.const 0))) (call $block (local.get $h)) " + DROP_IT) + RETURN,
            imports=RESOURCES,
        ),
    ),
    Hostile(
        does="polls an empty list",
        core=module(_POLL.format(at=0, count=0) + RETURN, imports=SLEEP),
        ends=FailureCode.LIMIT,
        says="empty list",
    ),
    Hostile(
        does="polls one handle 20,000 times at once",
        core=module(MANY_BORROWS + _POLL.format(at=LARGE, count=2 * MAX_LIST_ITEMS) + RETURN, imports=SLEEP),
        ends=FailureCode.LIMIT,
        says=f"list of {2 * MAX_LIST_ITEMS} items",
    ),
    traps(does="polls a list outside its memory", core=module(_POLL.format(at=0, count=-1) + RETURN, imports=SLEEP)),
    Hostile(
        does="collects handles forever",
        core=module(loop("(drop (call $sleep (i64.const 1)))") + RETURN, imports=SLEEP),
        ends=FailureCode.LIMIT,
        says=f"{MAX_RESOURCES} resources",
    ),
    traps(
        does="waits on a forged handle",
        core=module(f"(call $block (i32.const 77)) {RETURN}", imports=SLEEP),
        says="unknown handle index 77",
    ),
    traps(
        does="uses a handle as something that it is not",
        core=module(f"(call $block (call $stdout)) {RETURN}", imports=SLEEP + OUTPUT),
        says="wrong type",
    ),
    traps(does="drops a forged handle", core=module(f"(call $drop (i32.const 77)) {RETURN}", imports=DROP), says="handle"),
    traps(does="drops a handle twice", core=module(KEEP_ONE + DROP_IT * 2 + RETURN, imports=RESOURCES), says="handle"),
    traps(
        does="uses a handle that it dropped",
        core=module(f"{KEEP_ONE} {DROP_IT} (call $block (local.get $h)) {RETURN}", imports=RESOURCES),
        says="handle",
    ),
    Hostile(
        does="exits with success", core=module(f"(call $exit (i32.const 0)) {RETURN}", imports=EXIT), ends=FailureCode.EXIT, says="code 0"
    ),
    Hostile(
        does="exits with failure", core=module(f"(call $exit (i32.const 1)) {RETURN}", imports=EXIT), ends=FailureCode.EXIT, says="code 1"
    ),
    traps(does="exits with an invalid code", core=module(f"(call $exit (i32.const 7)) {RETURN}", imports=EXIT)),
]

CATALOGUE = [*_COMPUTING, *_MEMORY, *_ANSWERS, *_ALLOCATORS, *_HOST_CALLS, *_SYSTEM]
