"""The pinned JavaScript build tools: packages that npm installs once, and the program that runs them.

packages and driver there? ──yes──▶ ready
     │ no
     ▼
packages (see `PinnedPackages`) ──▶ lock ──▶ driver copied beside them ──▶ ready

The driver is in `<key>/driver-<hash>/`, where Node finds the packages: a change of the driver installs no package again. StarlingMonkey has
packages of its own, 190 MB, which are installed when the first project uses it.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from holdfast.author.errors import BuildToolError
from holdfast.author.options import GuestEngine
from holdfast.author.tools.packages import NPM_HINT, PinnedPackages, Progress, hash_files, publish_folder
from holdfast.author.tools.process import run
from holdfast.concurrency.workspaces import staging_folder
from holdfast.settings import load_settings

__all__ = ["DRIVER", "NPM_HINT", "SOURCE", "STARLINGMONKEY", "Progress", "Toolchain", "default_toolchain_root", "no_progress"]

SOURCE = Path(__file__).parents[1] / "toolchain_package"
DRIVER = SOURCE / "driver"
STARLINGMONKEY = SOURCE / "starlingmonkey"
MIN_NODE = 18


def no_progress(_: str) -> None:
    """Ignores progress messages."""


def default_toolchain_root() -> Path:
    """The folder of HOLDFAST_TOOLCHAIN_DIR, or one in the user's cache folder. Raises SettingInvalid."""
    return load_settings().toolchain_dir or Path.home() / ".cache" / "holdfast" / "toolchain"


class Toolchain:
    """`root` contains one folder for each installed toolchain; the default is `default_toolchain_root()`.

    `node` and `npm` are the programs to run, found on PATH.
    """

    def __init__(self, root: Path | None = None, *, node: str = "node", npm: str = "npm") -> None:
        self.root = (root or default_toolchain_root()).absolute()
        self.node = node
        self.npm = npm
        self._packages = PinnedPackages(self.root, SOURCE, npm)
        self._starlingmonkey = PinnedPackages(self.root, STARLINGMONKEY, npm)

    @property
    def key(self) -> str:
        """Identifies the pinned packages: changes when the lock file changes."""
        return self._packages.key

    @property
    def driver_key(self) -> str:
        """Identifies the program that runs the packages."""
        return hash_files(SOURCE, sorted(DRIVER.rglob("*.mjs")))

    @property
    def folder(self) -> Path:
        """The folder that this toolchain is, or will be, installed in."""
        return self._packages.folder

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
            await self._packages.ensure(progress, "Installing the build tools (once)")
            async with self._packages.locked():
                if not self.driver.is_file():
                    await asyncio.to_thread(self._copy_driver)
        return self.folder

    def locked(self) -> AbstractAsyncContextManager[None]:
        """Holds the lock of this toolchain's folder, against other sessions and processes that install into it."""
        return self._packages.locked()

    def engine_folder(self, engine: GuestEngine) -> Path:
        """The folder with the packages of an engine, once they are installed."""
        return self._starlingmonkey.folder if engine is GuestEngine.STARLINGMONKEY else self.folder

    async def ensure_engine(self, engine: GuestEngine, progress: Progress = no_progress) -> None:
        """Installs the packages that only this engine needs, unless they are installed. Comes after `ensure`. Raises BuildToolError."""
        if engine is GuestEngine.STARLINGMONKEY:
            await self._starlingmonkey.ensure(progress, "Installing the build tools of StarlingMonkey (once, 190 MB)")

    def _copy_driver(self) -> None:
        with staging_folder(self.folder) as staging:
            shutil.copytree(DRIVER, staging, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
            shutil.rmtree(self.driver.parent, ignore_errors=True)
            publish_folder(staging, self.driver.parent)
