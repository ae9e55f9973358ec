"""Compiled components on disk: compiled once in a separate limited process, kept, and loaded only when this host made them.

An artifact is machine code, so loading a foreign or damaged one would hand over the process. Each file carries a MAC under a key that
only this host has, over the artifact and everything it depends on: the wasm's hash, Wasmtime's version, the engine's settings, the CPU.
Whatever does not match is compiled again.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import hmac
import os
import platform
import re
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from holdfast.concurrency.single_flight import SingleFlight
from holdfast.engine.capi import VERSION
from holdfast.engine.compiling.compiler import CPU_SECONDS, MEMORY_BYTES, NOT_A_COMPONENT
from holdfast.engine.compiling.errors import CompileFailed, NotAComponent

SETTINGS_REVISION = 1
"""Raised whenever capi's configuration changes in a way that changes compiled code."""

COMPILE_SECONDS = 180
DISK_MAX_BYTES = 4 << 30
"""Artifacts beyond this are removed, least recently used first."""

_HASH = re.compile(r"[0-9a-f]{64}")
_KEY_BYTES = 32


def _cpu() -> str:
    """What the compiler specialises for: the machine and its instruction set extensions."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return f"{platform.machine()} {line.partition(':')[2].strip()}"
    return platform.machine()


class ArtifactStore:
    """A folder that only this host writes. `path` gives the artifact of a wasm file, compiling it if need be."""

    def __init__(self, root: Path, *, fuel: bool = False, disk_max_bytes: int = DISK_MAX_BYTES) -> None:
        """`fuel` makes code that counts what it computes. Raises OSError when the folder or its key cannot be written."""
        self._root = root
        self._disk_max_bytes = disk_max_bytes
        self._fuel = fuel
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = _host_key(root / "host.key")
        self._settings = hashlib.sha256(f"{SETTINGS_REVISION}\n{VERSION}\n{_cpu()}\n{fuel}".encode()).hexdigest()[:16]
        self._compilations: SingleFlight[str, Path] = SingleFlight("compile a component")
        self.on_compile: Callable[[float], None] = lambda seconds: None
        """Told how long a compilation took that succeeded."""

    async def path(self, wasm: Path, sha256: str) -> Path:
        """The verified artifact of the wasm file with this SHA-256 (hex). One compilation at a time per file, in all processes.

        Raises NotAComponent or CompileFailed; neither is remembered.
        """
        if not _HASH.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a SHA-256 in lower-case hex")
        return await self._compilations.run(sha256, lambda: self._make(wasm, sha256))

    async def _make(self, wasm: Path, sha256: str) -> Path:
        artifact = self._root / f"{sha256}-{self._settings}.cwasm"
        if await asyncio.to_thread(self._is_ours, artifact, sha256):
            return artifact
        with _locked(self._root / f"{sha256}.lock") as lock:
            while not lock():  # noqa: ASYNC110 - another process holds it, which no Event can tell
                await asyncio.sleep(0.05)
            if not await asyncio.to_thread(self._is_ours, artifact, sha256):
                await self._compile(wasm, sha256, artifact)
        return artifact

    async def _compile(self, wasm: Path, sha256: str, artifact: Path) -> None:
        if await asyncio.to_thread(_sha256, wasm) != sha256:
            raise NotAComponent(f"{wasm.name} is not the file its hash names.", hint="Fetch or build it again.")
        # Under the lock, so nobody else compiles this one: what there is was left by a process that was killed.
        for left in self._root.glob(f"*{sha256}*.tmp"):
            left.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(dir=self._root, prefix=f"compiling-{sha256}-", suffix=".tmp")
        os.close(handle)
        made = Path(name)
        try:
            started = time.monotonic()
            await _run_compiler(wasm, made, fuel=self._fuel)
            self.on_compile(time.monotonic() - started)
            await asyncio.to_thread(self._keep, made, sha256, artifact)
        finally:
            await asyncio.to_thread(made.unlink, missing_ok=True)

    def _keep(self, made: Path, sha256: str, artifact: Path) -> None:
        # The MAC first: an artifact without one is compiled again, a MAC without an artifact is harmless.
        _write(self._mac_path(artifact), self._mac(made, sha256))
        made.replace(artifact)
        self._evict(artifact)

    def _mac_path(self, artifact: Path) -> Path:
        return artifact.with_suffix(".mac")

    def _mac(self, artifact: Path, sha256: str) -> str:
        return hmac.new(self._key, f"{sha256} {self._settings} {_sha256(artifact)}".encode(), hashlib.sha256).hexdigest()

    def _is_ours(self, artifact: Path, sha256: str) -> bool:
        try:
            kept = self._mac_path(artifact).read_text()
            ours = hmac.compare_digest(kept, self._mac(artifact, sha256))
            if ours:
                os.utime(artifact)  # last use, for eviction
            return ours
        except OSError:
            return False

    async def close(self) -> None:
        """Ends what is being compiled; those who wait for it are cancelled."""
        await self._compilations.close()

    def discard(self, artifact: Path) -> None:
        """Removes an artifact that turned out not to load."""
        artifact.unlink(missing_ok=True)
        self._mac_path(artifact).unlink(missing_ok=True)

    def _evict(self, keep: Path) -> None:
        files = sorted(((file.stat().st_mtime, file) for file in self._root.glob("*.cwasm")), reverse=True)
        total = 0
        for _, file in files:
            total += file.stat().st_size
            # A mapped file that is removed stays mapped: calls under way are not disturbed.
            if total > self._disk_max_bytes and file != keep:
                self.discard(file)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(file: Path, text: str) -> None:
    made = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
    made.write_text(text)
    made.replace(file)


def _host_key(file: Path) -> bytes:
    """The key of this host, made at the first start. One that is not whole, as a loss of power leaves it, is made anew."""
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            key = file.read_bytes()
            if len(key) == _KEY_BYTES:
                return key
        # What a killed process left under this name has no reader.
        made = file.with_suffix(".tmp")
        made.unlink(missing_ok=True)
        key = secrets.token_bytes(_KEY_BYTES)
        with os.fdopen(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(key)
            stream.flush()
            os.fsync(stream.fileno())
        made.replace(file)
        return key


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[_TryLock]:
    with file.open("a") as stream:
        lock = _TryLock(stream.fileno())
        yield lock
    # Closing the file gives the lock back. The file itself stays: removing it would let two processes hold two locks.


class _TryLock:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __call__(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


async def _run_compiler(wasm: Path, out: Path, *, fuel: bool) -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "holdfast.engine.compiling.compiler",
        str(wasm),
        str(out),
        str(CPU_SECONDS),
        str(MEMORY_BYTES),
        str(int(fuel)),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        start_new_session=True,
    )
    try:
        _, stderr = await asyncio.wait_for(process.communicate(), COMPILE_SECONDS)
    except TimeoutError:
        raise CompileFailed(
            f"Compiling the component took longer than {COMPILE_SECONDS} s.", hint="Make the component smaller, or split the handler."
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == NOT_A_COMPONENT:
        reason = stderr.decode(errors="replace").strip().splitlines()
        raise NotAComponent(
            f"The file is not a WebAssembly component: {reason[-1].strip() if reason else 'it cannot be read'}.",
            hint="`holdfast build` makes dist/main.wasm a component; a core module must be wrapped first.",
        )
    if process.returncode != 0:
        raise CompileFailed(
            f"Compiling the component stopped with status {process.returncode}: it needs more time or memory than one component gets.",
            hint="Make the component smaller, or split the handler.",
        )
