"""A folder of pinned npm packages: installed once per lock file, shared by every project.

packages there? ──yes──▶ ready
     │ no
     ▼
flock <key>.lock ──▶ packages there now? ──yes──▶ ready                    (another process has installed them meanwhile)
                         │ no
                         ▼
.<key>-<random>/ ──npm ci──▶ renamed to <key>/ ──▶ ready                   (an error or a cancellation removes the temporary folder)
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.author.errors import BuildToolError
from holdfast.author.tools.process import run
from holdfast.concurrency.file_locks import file_locked
from holdfast.concurrency.workspaces import staging_folder

FILES = ("package.json", "package-lock.json")
INSTALL_TIMEOUT = 300.0
NPM_HINT = "npm comes with Node: install Node, and check that `npm` is on PATH."

Progress = Callable[[str], None]
"""Receives one short sentence for a person before each step that takes time."""


def hash_files(base: Path, files: Iterable[Path]) -> str:
    """Identifies the content of files by their paths below `base`: 20 hexadecimal digits."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(base).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:20]


def publish_folder(staging: Path, folder: Path) -> None:
    """Renames a complete folder to its final name."""
    staging.chmod(0o755)
    staging.rename(folder)


class PinnedPackages:
    """The packages that the lock file in the folder `source` pins, installed below `root`."""

    def __init__(self, root: Path, source: Path, npm: str) -> None:
        self.root = root
        self.npm = npm
        self._source = source

    @property
    def key(self) -> str:
        """Identifies the pinned packages: changes when the lock file changes."""
        # A new lock file gets a new folder; an older Holdfast next to this one keeps using its own.
        return hash_files(self._source, (self._source / name for name in FILES))

    @property
    def folder(self) -> Path:
        """The folder that the packages are, or will be, installed in."""
        return self.root / self.key

    @property
    def is_installed(self) -> bool:
        return (self.folder / "node_modules").is_dir()

    async def ensure(self, progress: Progress, message: str) -> Path:
        """Installs the packages unless they are installed, after passing `message` to `progress`. Returns their folder.

        Several processes may do this at the same time: one installs, the others wait. An installed folder is always complete. Raises
        BuildToolError (`toolchain_unavailable`).
        """
        if not self.is_installed:
            async with self.locked():
                if not self.is_installed:
                    progress(message)
                    await self._install()
        return self.folder

    @asynccontextmanager
    async def locked(self) -> AsyncIterator[None]:
        """Holds the lock of these packages, over all processes."""
        self.root.mkdir(parents=True, exist_ok=True)
        async with file_locked(self.root / f"{self.key}.lock"):
            yield

    async def _install(self) -> None:
        with staging_folder(self.root) as staging:
            for name in FILES:
                shutil.copyfile(self._source / name, staging / name)
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
            publish_folder(staging, self.folder)
