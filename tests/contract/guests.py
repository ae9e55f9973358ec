"""Guests in WAT for single defects: each makes one request of the host."""

from __future__ import annotations

from pathlib import Path

from tests.engine import guests
from tests.engine.guests import RETURN, assemble, module
from tests.engine.hostile import GET, LOG
from tests.engine.test_wasi import OUTPUT, at_4096, says, system, wasi_component

_HTTP = """
package wasi:http@0.2.3 {
  interface types {
    resource fields { constructor(); }
    resource outgoing-request { constructor(headers: fields); }
    resource future-incoming-response;
    variant error-code { HTTP-request-denied, internal-error(option<string>) }
  }
  interface outgoing-handler {
    use types.{outgoing-request, future-incoming-response, error-code};
    handle: func(request: outgoing-request) -> result<future-incoming-response, error-code>;
  }
}
"""
"""As much of wasi:http as a guest needs to send a request."""


def sending_by_wasi_http(folder: Path) -> Path:
    """Sends a request past `http.fetch`."""
    wit = folder / "wasi-http"
    wit.mkdir()
    imports = "".join(f"  import wasi:http/{name}@0.2.3;\n" for name in ("types", "outgoing-handler"))
    world = (guests.WIT / "extension-runner.wit").read_text().replace("world runner {", "world runner {\n" + imports)
    (wit / "world.wit").write_text(world + _HTTP)
    functions = (
        system("http/types", "[constructor]fields", "fields", "(result i32)")
        + system("http/types", "[constructor]outgoing-request", "request", "(param i32) (result i32)")
        + system("http/outgoing-handler", "handle", "handle", "(param i32 i32)")
    )
    return assemble(module(f"(call $handle (call $request (call $fields)) (i32.const 512)) {RETURN}", imports=functions), wit=wit)


def writing(folder: Path, stdout: bytes, stderr: bytes) -> Path:
    """Writes a text to each of its standard streams, at most 1000 bytes."""
    text = at_4096(stdout.ljust(1_000, b"\0") + stderr)
    to_stderr = says(stderr, "stderr").replace("(i32.const 4096)", "(i32.const 5096)")
    return wasi_component(module(f"{says(stdout)} {to_stderr} {RETURN}", imports=OUTPUT, items=text), folder)


def counting_its_environment(folder: Path) -> Path:
    """Returns 200 plus the number of environment variables, arguments and folders it finds."""
    count = "(i32.add (i32.load (i32.const 516)) (i32.add (i32.load (i32.const 524)) (i32.load (i32.const 532))))"
    looking = "(call $environment (i32.const 512)) (call $arguments (i32.const 520)) (call $folders (i32.const 528))"
    functions = (
        system("cli/environment", "get-environment", "environment", "(param i32)")
        + system("cli/environment", "get-arguments", "arguments", "(param i32)")
        + system("filesystem/preopens", "get-directories", "folders", "(param i32)")
    )
    core = module(f"{looking} (i32.store16 (i32.const 1024) (i32.add (i32.const 200) {count})) {RETURN}", imports=functions)
    return wasi_component(core, folder)


def logging(message: bytes) -> Path:
    """Logs one message."""
    return assemble(module(f"(call $log (i32.const 4096) (i32.const {len(message)})) {RETURN}", imports=LOG, items=at_4096(message)))


def reading_a_record() -> Path:
    """Reads a record of its install's storage and ignores the result."""
    key = "(i32.const 1048) (i32.const 2)"
    return assemble(module(f"(call $get {key} {key} (i32.const 512)) {RETURN}", imports=GET))


def returning_body_length() -> Path:
    """Returns the length of the body it received, as four bytes."""
    length = "(i32.store (i32.const 1048) (i32.load offset=84 (local.get $request)))"
    return assemble(module(f"{length} {RETURN}", response=guests.response_record(200, b"\0\0\0\0")))


def returning_its_headers() -> Path:
    """Returns the headers of its request."""
    copy = "".join(f"(i32.store (i32.const {to}) (i32.load offset={at} (local.get $request)))" for to, at in ((1028, 68), (1032, 72)))
    return assemble(module(f"{copy} {RETURN}"))


def growing_to(megabytes: int) -> Path:
    """Returns 200 if its memory can grow to this size, 201 if not."""
    failed = f"(i32.eq (memory.grow (i32.const {megabytes * 16 - 2})) (i32.const -1))"
    return assemble(module(f"(i32.store16 (i32.const 1024) (i32.add (i32.const 200) {failed})) {RETURN}"))
