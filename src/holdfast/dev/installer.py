"""Packs a built project and installs it as a development version, and knows what its pages consist of.

A save can change the name of the extension: what has the new name is installed, and the install of the old name is left.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from msgspec import Struct

from holdfast.author.tools.toolchain import Progress
from holdfast.bundles.archive.packing import PackReport, collect_files, pack
from holdfast.bundles.store.hashing import hash_file
from holdfast.client.progress import NoProgress
from holdfast.client.registry.protocol import Registry
from holdfast.dev.projects import FullNames, NamedProject, read_full_name
from holdfast.dev.renaming import Renamed, leave_install
from holdfast.registry.installs.results import Installed

OpenRegistry = Callable[[], AbstractAsyncContextManager[Registry]]


class PageFiles(Struct, frozen=True):
    """What the pages of a bundle consist of. `pages` identifies all files except style sheets, `styles` each style sheet by its path."""

    pages: str
    styles: dict[str, str]


class ProjectInstaller:
    """Installs the builds of one project.

    `wait_for_platform` returns when it runs. Each install opens the registry again: a platform that was joined may be restarted.
    `folder` is where the bundle is written, below the name of the extension. `on_renamed` gets the name that the extension had until this
    install, before that name's install is left.
    """

    def __init__(
        self,
        project: NamedProject,
        names: FullNames,
        wait_for_platform: Callable[[], Awaitable[None]],
        open_registry: OpenRegistry,
        folder: Path,
        progress: Progress,
        on_renamed: Callable[[str, Installed], Awaitable[None]],
    ) -> None:
        self.full_name = project.full_name
        """`publisher.name` of what this session installed last; before that, the one that the session began with, if it is known."""
        self._project = project.root
        self._names = names
        self._wait_for_platform = wait_for_platform
        self._open_registry = open_registry
        self._progress = progress
        self._folder = folder
        self._on_renamed = on_renamed
        self._installed: tuple[str, Installed] | None = None
        self._own_install: str | None = None
        """The name, in lower case, of an install that did not exist before this session."""

    async def wait_for_platform(self) -> None:
        """Returns when bundles can be installed."""
        await self._wait_for_platform()

    async def install(self) -> tuple[Installed, Renamed | None]:
        """Installs what is built. A bundle that this session installed last is not installed again. Raises HoldfastError."""
        full_name = await asyncio.to_thread(read_full_name, self._project)
        self._names.claim(self._project, full_name)
        packed = await asyncio.to_thread(self._pack, full_name)
        if self._installed is not None and self._installed[0] == packed.sha256:
            return self._installed[1], None
        self._installed = None
        self._progress("Installing (a component that is new to this platform is compiled first)")
        async with self._open_registry() as registry:
            installed = await registry.install_archive(packed.path, signature=None, progress=NoProgress())
            renamed = await self._take_name(registry, full_name, installed)
        self._installed = (packed.sha256, installed)
        return installed, renamed

    def _pack(self, full_name: str) -> PackReport:
        folder = self._folder / full_name
        folder.mkdir(parents=True, exist_ok=True)
        return pack(self._project, folder / "bundle.tar.zst", development=True)

    async def _take_name(self, registry: Registry, full_name: str, installed: Installed) -> Renamed | None:
        """Remembers the name of what is installed. If it is another one than before, leaves the install of the old name."""
        old, self.full_name = self.full_name, full_name
        is_renamed = old is not None and old.lower() != full_name.lower()
        is_own = old is not None and self._own_install == old.lower()
        if installed.replaced is None:
            self._own_install = full_name.lower()
        elif is_renamed:
            self._own_install = None
        if old is None or not is_renamed:
            return None
        await self._on_renamed(old, installed)
        return await leave_install(registry, old, full_name, is_own=is_own)

    def page_files(self) -> PageFiles:
        """The pages as they were built. Raises PackFailed, ManifestError."""
        digest, styles = hashlib.sha256(), {}
        for name, path in collect_files(self._project, development=True).items():
            if not name.startswith("ui/") or name.endswith(".css.map"):
                continue
            if name.endswith(".css"):
                styles[name.removeprefix("ui/")] = hash_file(path)[:16]
            else:
                digest.update(f"{name}\0{hash_file(path)}\0".encode())
        return PageFiles(digest.hexdigest()[:16], styles)


class RightsChange(Struct, frozen=True):
    """What an install gained and lost, capabilities and hosts together, sorted."""

    granted: list[str]
    revoked: list[str]


def rights_change(before: Installed | None, after: Installed) -> RightsChange:
    """What changed between two installs of one session; nothing for the first."""
    if before is None:
        return RightsChange([], [])
    old, new = ({*one.granted, *(f"calls to {host}" for host in one.egress)} for one in (before, after))
    return RightsChange(sorted(new - old), sorted(old - new))
