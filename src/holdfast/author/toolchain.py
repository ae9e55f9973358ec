"""The JavaScript tools that builds run, at pinned versions: installed once per lock file, shared by every project."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.author.errors import ToolchainUnavailable
from holdfast.author.tool_process import run

SOURCE = Path(__file__).parent / "toolchain_package"
FILES = ("package.json", "package-lock.json", "driver.mjs")
OLDEST_NODE = 18
INSTALL_TIMEOUT = 300.0

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress that nobody looks at."""


def _default_root() -> Path:
    return Path(os.environ.get("HOLDFAST_TOOLCHAIN_DIR") or Path.home() / ".cache" / "holdfast" / "toolchain")


def _publish(staging: Path, folder: Path) -> None:
    staging.chmod(0o755)
    staging.rename(folder)


class Toolchain:
    """`root` is the folder that holds installed toolchains, one folder each; absent: HOLDFAST_TOOLCHAIN_DIR or the user's cache folder.

    `node` and `npm` are the programs to run, found on PATH.
    """

    def __init__(self, root: Path | None = None, *, node: str = "node", npm: str = "npm") -> None:
        self.root = (root or _default_root()).absolute()
        self.node = node
        self.npm = npm

    @property
    def key(self) -> str:
        """Names the pinned versions: changes whenever one of the toolchain's files does."""
        digest = hashlib.sha256()
        for name in FILES:
            digest.update(name.encode() + b"\0" + (SOURCE / name).read_bytes() + b"\0")
        return digest.hexdigest()[:20]

    @property
    def folder(self) -> Path:
        """Where this toolchain is, or will be, installed."""
        return self.root / self.key

    @property
    def driver(self) -> Path:
        return self.folder / "driver.mjs"

    @property
    def tsc(self) -> Path:
        return self.folder / "node_modules" / "typescript" / "bin" / "tsc"

    async def node_version(self) -> str:
        """The version of Node, such as `20.11.0`. Raises ToolchainUnavailable when it is missing or older than 18."""
        install = f"Install Node {OLDEST_NODE} or newer, and see that `node` and `npm` are on PATH."
        try:
            found = await run([self.node, "--version"], cwd=Path.cwd(), timeout=30)
        except (FileNotFoundError, PermissionError):
            raise ToolchainUnavailable("Node is not installed.", hint=install) from None
        match = re.match(r"v(\d+)(\.\S+)", found.stdout.strip())
        if found.status != 0 or match is None:
            raise ToolchainUnavailable(f"`{self.node} --version` failed: {found.last_lines(3)}", hint=install)
        if int(match.group(1)) < OLDEST_NODE:
            raise ToolchainUnavailable(f"Node {match.group(1)} is too old.", hint=install)
        return match.group(1) + match.group(2)

    async def ensure(self, progress: Progress = silent) -> Path:
        """Installs what is pinned, once; answers the folder. Raises ToolchainUnavailable.

        Safe against other processes that install at the same time: they wait for each other, and what is there is complete.
        """
        await self.node_version()
        if not self.driver.is_file():
            self.root.mkdir(parents=True, exist_ok=True)
            async with self._locked():
                if not self.driver.is_file():
                    progress("Installing the build tools (once)")
                    await self._install()
        return self.folder

    @asynccontextmanager
    async def _locked(self) -> AsyncIterator[None]:
        with (self.root / f"{self.key}.lock").open("w") as lock:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    await asyncio.sleep(0.1)
            yield

    async def _install(self) -> None:
        staging = Path(tempfile.mkdtemp(prefix=f".{self.key}-", dir=self.root))
        try:
            for name in FILES:
                shutil.copyfile(SOURCE / name, staging / name)
            command = [self.npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            try:
                done = await run(command, cwd=staging, timeout=INSTALL_TIMEOUT)
            except (FileNotFoundError, PermissionError):
                raise ToolchainUnavailable("npm is not installed.", hint="It comes with Node; see that `npm` is on PATH.") from None
            if done.status != 0:
                raise ToolchainUnavailable(
                    f"The build tools could not be installed. npm said:\n{done.last_lines()}",
                    hint="Check the network and npm's registry setting (`npm config get registry`), then try again.",
                )
            _publish(staging, self.folder)
        finally:
            shutil.rmtree(staging, ignore_errors=True)
