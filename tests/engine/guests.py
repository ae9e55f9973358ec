"""Guests written in WAT: small, exact, and able to do what no compiler emits. wasm-tools assembles them into components."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

from holdfast import world
from holdfast.author.resources import write_build_wit
from tests.waiting import MAX_WAIT_SECONDS

WIT = Path(next(iter(world.__path__))) / "wit"
CACHE = Path(__file__).parents[2] / "build" / "wat"

RESPONSE_AT = 1024
"""The address of a guest's response record."""

_ALLOCATOR = """
  (global $next (mut i32) (i32.const 65536))
  (func $realloc (export "cabi_realloc") (param $old i32) (param $old_size i32) (param $align i32) (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (i32.and (i32.add (global.get $next) (i32.const 15)) (i32.const -16)))
    (global.set $next (i32.add (local.get $at) (local.get $size)))
    (block $fits
      (loop $grow
        (br_if $fits (i32.ge_u (i32.mul (memory.size) (i32.const 65536)) (global.get $next)))
        (br_if $grow (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
      unreachable)
    (local.get $at))
"""


def module(
    handler: str, *, imports: str = "", items: str = "", memory: str = '(memory (export "memory") 2)', response: bytes | None = None
) -> str:
    """The text of a core module whose `handler` has this body, which can use `(local.get $request)` and leaves a pointer."""
    data = response_record(200, b"ok") if response is None else response
    escaped = "".join(f"\\{byte:02x}" for byte in data)
    return f"""(module
  {imports}
  {memory}
  (data (i32.const {RESPONSE_AT}) "{escaped}")
  {_ALLOCATOR}
  {items}
  (func (export "handler") (param $request i32) (result i32) {handler}))"""


def response_record(status: int, body: bytes | None) -> bytes:
    """The canonical memory form of an `execute-response` at RESPONSE_AT: status, no headers, and the body right after it."""
    head = status.to_bytes(2, "little") + bytes(2) + bytes(8)
    if body is None:
        return head + bytes(12)
    return head + (1).to_bytes(4, "little") + (RESPONSE_AT + 24).to_bytes(4, "little") + len(body).to_bytes(4, "little") + body


RETURN = f"(i32.const {RESPONSE_AT})"
"""The handler body that returns `response`."""


def assemble(core: str, *, world_name: str = "runner", wit: Path = WIT) -> Path:
    """Assembles a component from a core module in WAT. Cached by content, because assembling starts two processes."""
    text = f"{core}{world_name}{sorted((f.name, f.read_text()) for f in (wit.rglob('*.wit') if wit.is_dir() else [wit]))}"
    assembled = CACHE / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.wasm"
    if not assembled.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        tools = Path(sys.executable).with_name("wasm-tools")
        with tempfile.TemporaryDirectory(dir=CACHE) as folder:
            source, embedded, component = (Path(folder) / name for name in ("core.wat", "embedded.wasm", "component.wasm"))
            source.write_text(core)
            _run(tools, "component", "embed", str(wit), "--world", world_name, str(source), "-o", str(embedded))
            _run(tools, "component", "new", str(embedded), "-o", str(component))
            component.replace(assembled)
    return assembled


def development() -> Path:
    """Returns the code that the host gives it as its body: 200, or a trap without such code."""
    core = module(
        f"""(call $read (i32.const {RESPONSE_AT + 64}))
        (i32.store8 (i32.const {RESPONSE_AT + 12}) (i32.const 1))
        (i32.store (i32.const {RESPONSE_AT + 16}) (i32.load (i32.const {RESPONSE_AT + 64})))
        (i32.store (i32.const {RESPONSE_AT + 20}) (i32.load (i32.const {RESPONSE_AT + 68})))
        {RETURN}""",
        imports='(import "holdfast:development/source@0.1.0" "read" (func $read (param i32)))',
    )
    with tempfile.TemporaryDirectory() as folder:
        wit = Path(folder) / "wit"
        wit.mkdir()
        write_build_wit(wit)
        return assemble(core, world_name="development", wit=wit)


def _run(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    if done.returncode:
        raise AssertionError(f"wasm-tools rejects the guest: {done.stderr}")


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
