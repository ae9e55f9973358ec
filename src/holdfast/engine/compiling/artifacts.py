"""Compiled components on disk: compiled once, in a separate limited process, and loaded only if this host wrote them.

    path(wasm, sha256): single-flight in this process
        │
    verified by this process, and unchanged since? ── yes ─────────────► artifact
        │ no
    MAC valid? ── yes ─────────────────────────────────────────────────► artifact
        │ no
    flock SHA256.lock (one process at a time) ── MAC valid now? ── yes ──► artifact
        │ no: remove leftovers of killed processes
    compile into compiling-SHA256-*.tmp ──► write .mac (rename) ──► rename to .cwasm ──► evict old ones ──► artifact
                killed here: a leftover         killed here: a MAC without artifact, harmless

An artifact is machine code: loading a forged or damaged one would give its author the process. Each has a MAC under a key that only this
host has, over the artifact and all that it depends on: the hash of the wasm, Wasmtime's version, the engine's settings, the CPU.
An artifact whose MAC does not match is compiled again.
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
from holdfast.engine.compiling.compiler import CPU_SECONDS, EXIT_NOT_A_COMPONENT, MEMORY_BYTES
from holdfast.engine.compiling.errors import ComponentError
from holdfast.engine.compiling.verified_files import Identity, VerifiedFiles, identity

SETTINGS_REVISION = 1
"""Increment it with every change of capi's configuration that changes compiled code."""

MAX_COMPILE_SECONDS = 180
MAX_DISK_BYTES = 4 << 30
"""Above this, the least recently used artifacts are removed."""

_HASH = re.compile(r"[0-9a-f]{64}")
_KEY_BYTES = 32


def _cpu() -> str:
    """The CPU that the compiler generates code for: the machine and its instruction set extensions."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith(("flags", "Features")):
                return f"{platform.machine()} {line.partition(':')[2].strip()}"
    return platform.machine()


class ArtifactStore:
    """A folder that only this host writes. `path` returns the artifact of a wasm file, compiled if needed."""

    def __init__(self, root: Path, *, fuel: bool = False, max_disk_bytes: int = MAX_DISK_BYTES) -> None:
        """`fuel` compiles code that counts what it computes. Raises OSError when the folder or its key cannot be written."""
        self._root = root
        self._disk_max_bytes = max_disk_bytes
        self._fuel = fuel
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._key = _host_key(root / "host.key")
        self._settings = hashlib.sha256(f"{SETTINGS_REVISION}\n{VERSION}\n{_cpu()}\n{fuel}".encode()).hexdigest()[:16]
        self._verified = VerifiedFiles()
        self._compilations: SingleFlight[str, Path] = SingleFlight("compile a component")
        self.on_compile: Callable[[float], None] = lambda seconds: None
        """Called after each successful compilation with its duration in seconds."""

    async def path(self, wasm: Path, sha256: str) -> Path:
        """Returns the verified artifact of the wasm file with this SHA-256 (hex). One compilation at a time per file, over all processes.

        Raises ComponentError (`not_a_component`, `compile_failed`), and tries again the next time.
        """
        if not _HASH.fullmatch(sha256):
            raise ValueError(f"{sha256!r} is not a SHA-256 in lower-case hex")
        return await self._compilations.run(sha256, lambda: self._create(wasm, sha256))

    def has(self, sha256: str) -> bool:
        """Whether there is an artifact of this wasm file, which `path` would verify and not compile."""
        artifact = self._artifact(sha256)
        return artifact.exists() and self._mac_path(artifact).exists()

    def _artifact(self, sha256: str) -> Path:
        return self._root / f"{sha256}-{self._settings}.cwasm"

    async def _create(self, wasm: Path, sha256: str) -> Path:
        artifact = self._artifact(sha256)
        if self._verified.is_unchanged(artifact):
            self._touch(artifact)
            return artifact
        if await self._verify(artifact, sha256):
            return artifact
        with _locked(self._root / f"{sha256}.lock") as lock:
            while not lock():  # noqa: ASYNC110 - another process holds the lock and cannot set an Event here
                await asyncio.sleep(0.05)
            if not await self._verify(artifact, sha256):
                self._remove_stale(sha256)
                await self._compile(wasm, sha256, artifact)
        return artifact

    async def _compile(self, wasm: Path, sha256: str, artifact: Path) -> None:
        if await asyncio.to_thread(_sha256, wasm) != sha256:
            raise ComponentError("not_a_component", f"{wasm.name} does not have the expected hash.", hint="Fetch or build it again.")
        handle, name = tempfile.mkstemp(dir=self._root, prefix=f"compiling-{sha256}-", suffix=".tmp")
        os.close(handle)
        output = Path(name)
        try:
            started = time.monotonic()
            await _run_compiler(wasm, output, fuel=self._fuel)
            self.on_compile(time.monotonic() - started)
            await asyncio.to_thread(self._store, output, sha256, artifact)
        finally:
            await asyncio.to_thread(output.unlink, missing_ok=True)

    def _remove_stale(self, sha256: str) -> None:
        """Removes what killed processes left while they compiled this component, whose lock the caller holds, or others."""
        for leftover in self._root.glob(f"*{sha256}*.tmp"):
            leftover.unlink(missing_ok=True)
        for leftover in self._root.glob("compiling-*.tmp"):
            file = self._root / f"{leftover.name.split('-')[1]}.lock"
            with _locked(file) as lock:
                if lock():
                    leftover.unlink(missing_ok=True)
                    file.unlink(missing_ok=True)

    def _store(self, output: Path, sha256: str, artifact: Path) -> None:
        # MAC first: an artifact without a MAC would be compiled again; a MAC without an artifact is harmless.
        _write(self._mac_path(artifact), self._mac(output, sha256))
        output.replace(artifact)
        self._evict(artifact)

    def _mac_path(self, artifact: Path) -> Path:
        return artifact.with_suffix(".mac")

    def _mac(self, artifact: Path, sha256: str) -> str:
        return hmac.new(self._key, f"{sha256} {self._settings} {_sha256(artifact)}".encode(), hashlib.sha256).hexdigest()

    async def _verify(self, artifact: Path, sha256: str) -> bool:
        """Whether the artifact has its MAC; then this process does not hash it again until it changes."""
        verified = await asyncio.to_thread(self._identity_if_valid, artifact, sha256)
        if verified is None:
            return False
        self._verified.add(artifact, verified)
        self._touch(artifact)
        return True

    def _identity_if_valid(self, artifact: Path, sha256: str) -> Identity | None:
        try:
            # Before hashing: if the file changes meanwhile, it is not the file that was verified.
            before = identity(artifact)
            stored = self._mac_path(artifact).read_text()
            return before if hmac.compare_digest(stored, self._mac(artifact, sha256)) else None
        except OSError:
            return None

    def _touch(self, artifact: Path) -> None:
        """Writes the time of the last use, for eviction: to the MAC's file, because the times of the artifact show whether it changed."""
        with contextlib.suppress(OSError):
            os.utime(self._mac_path(artifact))

    async def close(self) -> None:
        """Stops running compilations; callers that wait for them are cancelled."""
        await self._compilations.close()

    def discard(self, artifact: Path) -> None:
        """Removes an artifact that does not load."""
        artifact.unlink(missing_ok=True)
        self._mac_path(artifact).unlink(missing_ok=True)

    def remove(self, sha256: str) -> None:
        """Removes the artifact of a wasm file and its lock, unless a process compiles it at this moment."""
        with _locked(self._root / f"{sha256}.lock") as lock:
            if lock():
                self.discard(self._artifact(sha256))
                # A process that has this file open sees, when it gets the lock, that the file is gone, and opens the next one.
                (self._root / f"{sha256}.lock").unlink(missing_ok=True)

    def _last_use(self, artifact: Path) -> float:
        try:
            return self._mac_path(artifact).stat().st_mtime
        except OSError:
            return 0.0  # without a MAC it is compiled again anyway

    def _evict(self, keep: Path) -> None:
        files = sorted(((self._last_use(file), file) for file in self._root.glob("*.cwasm")), reverse=True)
        total = 0
        for _, file in files:
            total += file.stat().st_size
            # A removed file stays mapped where it is in use, so running calls are not affected.
            if total > self._disk_max_bytes and file != keep:
                self.discard(file)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(file: Path, text: str) -> None:
    temporary = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
    temporary.write_text(text)
    temporary.replace(file)


def _host_key(file: Path) -> bytes:
    """Returns the key of this host, created at the first start. A truncated key, left by a power loss, is replaced."""
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            key = file.read_bytes()
            if len(key) == _KEY_BYTES:
                return key
        # A file of this name is a leftover of a killed process: only the holder of the lock writes it.
        temporary = file.with_suffix(".tmp")
        temporary.unlink(missing_ok=True)
        key = secrets.token_bytes(_KEY_BYTES)
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            stream.write(key)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
        return key


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[_TryLock]:
    lock = _TryLock(file)
    try:
        yield lock
    finally:
        lock.close()


class _TryLock:
    """Tries to acquire the lock of a file. Only the holder of the lock may remove the file."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._descriptor: int | None = None

    def __call__(self) -> bool:
        """Whether the lock is held now."""
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(descriptor).st_nlink:
                self._descriptor, descriptor = descriptor, -1
        except BlockingIOError:
            pass
        finally:
            if descriptor >= 0:
                os.close(descriptor)
        return self._descriptor is not None

    def close(self) -> None:
        """Releases the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)


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
        _, stderr = await asyncio.wait_for(process.communicate(), MAX_COMPILE_SECONDS)
    except TimeoutError:
        raise ComponentError(
            "compile_failed",
            f"Compiling the component took longer than {MAX_COMPILE_SECONDS} s.",
            hint="Make the component smaller, or split the handler.",
        ) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode == EXIT_NOT_A_COMPONENT:
        reason = stderr.decode(errors="replace").strip().splitlines()
        raise ComponentError(
            "not_a_component",
            f"The file is not a WebAssembly component: {reason[-1].strip() if reason else 'it cannot be read'}.",
            hint="`holdfast build` makes dist/main.wasm a component; a core module must be wrapped first.",
        )
    if process.returncode != 0:
        raise ComponentError(
            "compile_failed",
            f"Compiling the component stopped with status {process.returncode}: it needs more time or memory than allowed.",
            hint="Make the component smaller, or split the handler.",
        )
