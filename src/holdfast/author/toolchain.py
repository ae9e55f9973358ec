"""The pinned JavaScript build tools: installed once per lock file, shared by every project.

driver there? ──yes──▶ ready
     │ no
     ▼
flock <key>.lock ──▶ packages there? ──yes──▶ driver copied ──▶ ready       (a new Holdfast, or another process installed them meanwhile)
                         │ no
                         ▼
.<key>-<random>/ ──npm ci──▶ renamed to <key>/ ──▶ driver copied ──▶ ready  (an error or a cancellation removes the temporary folder)

The driver is in `<key>/driver-<hash>/`, where Node finds the packages: a change of the driver installs no package again.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.author.errors import BuildToolError
from holdfast.author.tools.process import run
from holdfast.settings import load_settings

SOURCE = Path(__file__).parent / "toolchain_package"
FILES = ("package.json", "package-lock.json")
DRIVER = SOURCE / "driver"
MIN_NODE = 18
INSTALL_TIMEOUT = 300.0
NPM_HINT = "npm comes with Node: install Node, and check that `npm` is on PATH."

Progress = Callable[[str], None]
"""Receives one short sentence for a person before each step that takes time."""


def no_progress(_: str) -> None:
    """Ignores progress messages."""


def default_toolchain_root() -> Path:
    """The folder of HOLDFAST_TOOLCHAIN_DIR, or one in the user's cache folder. Raises SettingInvalid."""
    return load_settings().toolchain_dir or Path.home() / ".cache" / "holdfast" / "toolchain"


def _hash_files(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(SOURCE).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:20]


def _publish(staging: Path, folder: Path) -> None:
    staging.chmod(0o755)
    staging.rename(folder)


class Toolchain:
    """`root` contains one folder for each installed toolchain; the default is `default_toolchain_root()`.

    `node` and `npm` are the programs to run, found on PATH.
    """

    def __init__(self, root: Path | None = None, *, node: str = "node", npm: str = "npm") -> None:
        self.root = (root or default_toolchain_root()).absolute()
        self.node = node
        self.npm = npm

    @property
    def key(self) -> str:
        """Identifies the pinned packages: changes when the lock file changes."""
        # A new lock file gets a new folder; an older Holdfast next to this one keeps using its own.
        return _hash_files(SOURCE / name for name in FILES)

    @property
    def driver_key(self) -> str:
        """Identifies the program that runs the packages."""
        return _hash_files(sorted(DRIVER.rglob("*.mjs")))

    @property
    def folder(self) -> Path:
        """The folder that this toolchain is, or will be, installed in."""
        return self.root / self.key

    @property
    def driver(self) -> Path:
        """The program of `holdfast.author.tools.driver`, once it is installed."""
        return self.folder / f"driver-{self.driver_key}" / "serve.mjs"

    @property
    def tsc(self) -> Path:
        return self.folder / "node_modules" / "typescript" / "bin" / "tsc"

    async def node_version(self) -> str:
        """The version of Node, such as `20.11.0`. Raises BuildToolError when it is missing or older than 18."""
        install = f"Install Node {MIN_NODE} or newer, and check that `node` and `npm` are on PATH."
        try:
            found = await run([self.node, "--version"], cwd=Path.cwd(), timeout=30)
        except (FileNotFoundError, PermissionError):
            raise BuildToolError("toolchain_unavailable", "Node is not installed.", hint=install) from None
        match = re.match(r"v(\d+)(\.\S+)", found.stdout.strip())
        if found.status != 0 or match is None:
            raise BuildToolError("toolchain_unavailable", f"`{self.node} --version` failed: {found.last_lines(3)}", hint=install)
        if int(match.group(1)) < MIN_NODE:
            raise BuildToolError("toolchain_unavailable", f"Node {match.group(1)} is too old.", hint=install)
        return match.group(1) + match.group(2)

    async def ensure(self, progress: Progress = no_progress) -> Path:
        """Installs the pinned tools unless they are installed; returns their folder. Raises BuildToolError.

        Several processes may do this at the same time: one installs, the others wait. An installed folder is always complete.
        """
        await self.node_version()
        if not self.driver.is_file():
            self.root.mkdir(parents=True, exist_ok=True)
            async with self.locked():
                if not (self.folder / "node_modules").is_dir():
                    progress("Installing the build tools (once)")
                    await self._install()
                if not self.driver.is_file():
                    await asyncio.to_thread(self._copy_driver)
        return self.folder

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Holds the lock of this toolchain's folder, against other sessions and processes that install into it."""
        with (self.root / f"{self.key}.lock").open("w") as lock:
            # Polled: a blocking flock would stop the event loop, and in a thread it could not be cancelled.
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.1)
            yield

    def _copy_driver(self) -> None:
        staging = Path(tempfile.mkdtemp(prefix=".driver-", dir=self.folder))
        try:
            shutil.copytree(DRIVER, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
            shutil.rmtree(self.driver.parent, ignore_errors=True)
            _publish(staging, self.driver.parent)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    async def _install(self) -> None:
        staging = Path(tempfile.mkdtemp(prefix=f".{self.key}-", dir=self.root))
        try:
            for name in FILES:
                shutil.copyfile(SOURCE / name, staging / name)
            # `ci` installs exactly the lock file; no package may run its install script on the author's machine.
            command = [self.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            try:
                done = await run(command, cwd=staging, timeout=INSTALL_TIMEOUT)
            except (FileNotFoundError, PermissionError):
                raise BuildToolError("toolchain_unavailable", "npm is not installed.", hint=NPM_HINT) from None
            if done.status != 0:
                raise BuildToolError(
                    "toolchain_unavailable",
                    f"The build tools could not be installed. npm reported:\n{done.last_lines()}",
                    hint="Check the network and npm's registry setting (`npm config get registry`), then try again.",
                )
            _publish(staging, self.folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
