"""Guests for the runner's tests, in WAT: each does one thing only."""

from __future__ import annotations

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.engine.guests import RESPONSE_AT, RETURN, assemble, module
from tests.engine.test_wasi import SLEEP, wasi_component

_URL, _METHOD, _BODY, _TENANT, _REQUEST_ID = 60, 52, 80, 12, 4
"""Offsets in the request record of the pointer and length of these texts."""


def _returning(offset: int) -> Path:
    """Returns 200 with one text of the request as its body."""
    copy = f"""
      (i32.store8 (i32.const {RESPONSE_AT + 12}) (i32.const 1))
      (i32.store (i32.const {RESPONSE_AT + 16}) (i32.load offset={offset} (local.get $request)))
      (i32.store (i32.const {RESPONSE_AT + 20}) (i32.load offset={offset + 4} (local.get $request)))
      {RETURN}"""
    return assemble(module(copy))


def fine() -> Path:
    """Returns 200 `ok`."""
    return assemble(module(RETURN))


def without_body() -> Path:
    """Returns 204 and no body."""
    return assemble(module(RETURN, response=struct.pack("<HxxIIIII", 204, 0, 0, 0, 0, 0)))


def echo_url() -> Path:
    return _returning(_URL)


def echo_method() -> Path:
    return _returning(_METHOD)


def echo_body() -> Path:
    return _returning(_BODY)


def echo_tenant() -> Path:
    return _returning(_TENANT)


def echo_request_id() -> Path:
    return _returning(_REQUEST_ID)


def with_headers(*headers: tuple[str, str]) -> Path:
    """Returns 201 with these headers and no body."""
    table_at = RESPONSE_AT + 64
    texts_at = table_at + 16 * len(headers)
    table, texts = b"", b""
    for text in (part.encode() for header in headers for part in header):
        table += struct.pack("<II", texts_at + len(texts), len(text))
        texts += text
    head = struct.pack("<HxxIIIII", 201, table_at, len(headers), 0, 0, 0).ljust(64, b"\0")
    return assemble(module(RETURN, response=head + table + texts))


def trapping() -> Path:
    return assemble(module("unreachable"))


def endless() -> Path:
    return assemble(module(f"(loop $again (br $again)) {RETURN}"))


def computing(rounds: int) -> Path:
    """Counts to `rounds`, then returns `ok`."""
    count = f"""(local $n i32)
      (loop $again (local.set $n (i32.add (local.get $n) (i32.const 1))) (br_if $again (i32.lt_u (local.get $n) (i32.const {rounds}))))"""
    return assemble(module(f"{count} {RETURN}"))


def posting(url: str, body: str) -> Path:
    """Sends `body` to `url` with the host function `fetch`, then returns `ok` in any case."""
    data = f"""(data (i32.const 3000) "POST") (data (i32.const 3100) "{url}") (data (i32.const 4000) "{body}")"""
    texts = f"(i32.const 3000) (i32.const 4) (i32.const 3100) (i32.const {len(url)})"
    arguments = f"{texts} (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 4000) (i32.const {len(body)}) (i32.const 2048)"
    imports = f'(import "alga:extension/http" "fetch" (func $fetch (param {"i32 " * 10})))'
    return assemble(module(f"(call $fetch {arguments}) {RETURN}", imports=imports, items=data))


def posting_its_request_id(url: str) -> Path:
    """Sends the request id of its call to `url` with the host function `fetch`, then returns `ok` in any case."""
    data = f"""(data (i32.const 3000) "POST") (data (i32.const 3100) "{url}")"""
    texts = f"(i32.const 3000) (i32.const 4) (i32.const 3100) (i32.const {len(url)})"
    request_id = f"(i32.load offset={_REQUEST_ID} (local.get $request)) (i32.load offset={_REQUEST_ID + 4} (local.get $request))"
    arguments = f"{texts} (i32.const 0) (i32.const 0) (i32.const 1) {request_id} (i32.const 2048)"
    imports = f'(import "alga:extension/http" "fetch" (func $fetch (param {"i32 " * 10})))'
    return assemble(module(f"(call $fetch {arguments}) {RETURN}", imports=imports, items=data))


def waiting_for_a_secret() -> Path:
    """Asks for the list of secret names, then returns `ok`; the debug stream shows whether the host function was called."""
    imports = '(import "alga:extension/secrets" "list-keys" (func $list (param i32)))'
    return assemble(module(f"(call $list (i32.const 2048)) {RETURN}", imports=imports))


def sleeping(seconds: float) -> Path:
    """Sleeps by a WASI clock, then returns `ok`."""
    core = module(f"(call $block (call $sleep (i64.const {round(seconds * 1e9)}))) {RETURN}", imports=SLEEP)
    with TemporaryDirectory() as folder:
        return wasi_component(core, Path(folder))
