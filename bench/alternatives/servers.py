"""Starts each alternative as a process of its own, on a free port of loopback."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.engine import toolchains
from tests.events.recording_server import free_port
from tests.waiting import MAX_WAIT_SECONDS, wait_until

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "alternatives"


@contextmanager
def serving(name: str) -> Iterator[str]:
    """The URL of a server that responds with status 200: `node http`, `workerd`, or `wasmtime package`."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        command = _commands(Path(folder), port)[name]
        with subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                url = f"http://127.0.0.1:{port}/"
                wait_until(lambda: _responds(url, process), lambda: f"{name} does not respond")
                yield url
            finally:
                process.terminate()
                try:
                    process.wait(timeout=MAX_WAIT_SECONDS)
                finally:
                    process.kill()


def _commands(folder: Path, port: int) -> dict[str, list[str]]:
    config = folder / "workerd.capnp"
    config.write_text((HERE / "workerd.capnp").read_text().replace("PORT", str(port)))
    shutil.copy(HERE / "worker.js", folder)
    wasm = toolchains.build("hello (QuickJS)")
    return {
        "node http": ["node", str(HERE / "node_server.mjs"), str(port)],
        "workerd": [str(_workerd()), "serve", str(config)],
        "wasmtime package": [sys.executable, "-m", "bench.alternatives.package_server", str(port), str(wasm)],
    }


def _workerd() -> Path:
    """The program of the package, which is installed once."""
    lock = (HERE / "package-lock.json").read_bytes()
    installed = BUILD / hashlib.sha256(lock).hexdigest()[:16]
    if not installed.exists():
        BUILD.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=BUILD) as folder:
            for name in ("package.json", "package-lock.json"):
                shutil.copy(HERE / name, folder)
            command = ["npm", "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, timeout=MAX_WAIT_SECONDS)
            shutil.copytree(folder, installed, symlinks=True)
    (program,) = installed.glob("node_modules/@cloudflare/workerd-*/bin/workerd")
    return program


def _responds(url: str, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None
    try:
        return httpx2.get(url, trust_env=False).status_code == 200
    except httpx2.HTTPError:
        return False
