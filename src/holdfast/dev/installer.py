"""Packs a built project and installs it as a development version, and knows what its pages consist of."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

from msgspec import Struct

from holdfast.author.tools.toolchain import Progress
from holdfast.bundles.archive.packing import collect_files, pack
from holdfast.bundles.store.hashing import hash_file
from holdfast.client.progress import NoProgress
from holdfast.client.registry.protocol import Registry
from holdfast.registry.installs.results import Installed

OpenRegistry = Callable[[], AbstractAsyncContextManager[Registry]]


class PageFiles(Struct, frozen=True):
    """What the pages of a bundle consist of. `pages` identifies all files except style sheets, `styles` each style sheet by its path."""

    pages: str
    styles: dict[str, str]


class ProjectInstaller:
    """Installs the builds of one project.

    `wait_for_platform` returns when it runs. Each install opens the registry again: a platform that was joined may be restarted.
    `folder` is where the bundle is written; it belongs to this session alone.
    """

    def __init__(
        self,
        project: Path,
        wait_for_platform: Callable[[], Awaitable[None]],
        open_registry: OpenRegistry,
        folder: Path,
        progress: Progress,
    ) -> None:
        self._project = project
        self._wait_for_platform = wait_for_platform
        self._open_registry = open_registry
        self._progress = progress
        self._bundle = folder / "bundle.tar.zst"
        self._installed: tuple[str, Installed] | None = None

    async def wait_for_platform(self) -> None:
        """Returns when bundles can be installed."""
        await self._wait_for_platform()

    async def install(self) -> Installed:
        """Installs what is built. A bundle that this session installed last is not installed again. Raises HoldfastError."""
        packed = await asyncio.to_thread(pack, self._project, self._bundle, development=True)
        if self._installed is not None and self._installed[0] == packed.sha256:
            return self._installed[1]
        self._installed = None
        self._progress("Installing (a component that is new to this platform is compiled first)")
        async with self._open_registry() as registry:
            installed = await registry.install_archive(packed.path, signature=None, progress=NoProgress())
        self._installed = (packed.sha256, installed)
        return installed

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
