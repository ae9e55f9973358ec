"""Builds the same small guest with every toolchain that extensions come from. What was built is kept in build/ between runs."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from holdfast.author.tools.toolchain import Toolchain
from tests.engine.guests import WIT
from tests.waiting import MAX_WAIT_SECONDS

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "toolchains"
ARTIFACTS = HERE.parents[1] / "build" / "artifacts"
"""Compiled guests of the large toolchains: compiling one takes up to 20 s of two cores."""

DISABLED = {
    "componentize-js": ("http", "fetch-event"),
    "componentize-js with http": (),
    "componentize-js --disable all": ("stdio", "random", "clocks", "http", "fetch-event"),
}


HELLO = HERE.parents[1] / "bench" / "hello.js"
STORAGE = HELLO.with_name("storage.js")
RECORDS = HELLO.with_name("records.js")
SOAK = HERE.parent / "soak" / "guest.js"
_QUICKJS = {
    **{"componentize-qjs": HERE / "qjs.js", "hello (QuickJS)": HELLO, "storage (QuickJS)": STORAGE, "soak (QuickJS)": SOAK},
    "records (QuickJS)": RECORDS,
}


def build(name: str) -> Path:
    """The component of the toolchain's guest: a key of DISABLED, `componentize-qjs`, `componentize-py`, or one of the benchmarks' hellos,
    `hello (QuickJS)` and `hello (StarlingMonkey)`, or a guest of
    others that need the same tools, `storage (QuickJS)`, `records (QuickJS)` and `soak (QuickJS)`."""
    sources = [*sorted(WIT.iterdir()), *(file for file in sorted((HERE / "starlingmonkey").iterdir()) if file.is_file())]
    sources += [HERE / "guests_py" / "handler.py", HERE / "qjs.js", HELLO, STORAGE, SOAK]
    # Not for the others: they would be built again for each of its changes.
    sources += [RECORDS] if name == "records (QuickJS)" else []
    digest = hashlib.sha256(b"".join(file.read_bytes() for file in sources) + name.encode()).hexdigest()[:24]
    made = BUILD / f"{digest}.wasm"
    if not made.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            out = Path(folder) / "guest.wasm"
            if name == "componentize-py":
                _python(out)
            elif name in _QUICKJS:
                _quickjs(out, _QUICKJS[name])
            elif name == "hello (StarlingMonkey)":
                _starlingmonkey(out, HELLO, DISABLED["componentize-js"])
            else:
                _starlingmonkey(out, HERE / "starlingmonkey" / "handler.js", DISABLED[name])
            out.replace(made)
    return made


def _starlingmonkey(out: Path, source: Path, disabled: tuple[str, ...]) -> None:
    lock = (HERE / "starlingmonkey" / "package-lock.json").read_bytes()
    installed = BUILD / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"
    if not installed.exists():
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            for file in (HERE / "starlingmonkey").iterdir():
                if file.is_file():
                    shutil.copy(file, folder)
            # Not `npm ci`: it refuses locks in which a binding for another platform has no published version.
            _run("npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", cwd=Path(folder))
            shutil.copytree(folder, installed, symlinks=True)
    _run("node", "build.mjs", str(source), str(WIT), str(out), *disabled, cwd=installed)


def _quickjs(out: Path, source: Path) -> None:
    # Tests call this from inside their own event loop, so the installation gets a thread with one of its own.
    with ThreadPoolExecutor(max_workers=1) as pool:
        folder = pool.submit(lambda: asyncio.run(Toolchain().ensure())).result()
    tool = folder / "node_modules" / ".bin" / "componentize-qjs"
    _run(str(tool), "--sync", "-w", str(WIT), "-n", "runner", "-j", str(source), "-o", str(out), cwd=BUILD)


def _python(out: Path) -> None:
    tool = Path(sys.executable).with_name("componentize-py")
    _run(str(tool), "-d", str(WIT), "-w", "runner", "componentize", "handler", "-p", str(HERE / "guests_py"), "-o", str(out), cwd=BUILD)


def _run(*command: str, cwd: Path) -> None:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False, env=os.environ)
    if done.returncode:
        raise AssertionError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")
