"""Publishes and installs what an author names: the folder of an extension, which is built and packed first, or a bundle.

The tools that build, pack and read signatures are imported when they are used: most commands that import this module need none of them.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from holdfast.client.progress import WorkProgress
from holdfast.client.registry.protocol import Registry
from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import Installed
from holdfast.registry.publishing.results import Published

BUNDLE_SUFFIXES = (".tar.zst", ".zst")
_HINT = "Name the folder of an extension (it contains manifest.json) or a .tar.zst bundle."


class NothingToInstall(HoldfastError):
    """Raised when a source is neither the folder of an extension nor a bundle."""

    code = "nothing_to_install"
    status = 400


def check_source(source: Path) -> bool:
    """True for the folder of an extension, False for a bundle. Raises NothingToInstall, ManifestMissing, ManifestError."""
    if source.is_dir():
        from holdfast.bundles.archive.packing import read_manifest_facts

        read_manifest_facts(source)
        return True
    if not source.exists():
        raise NothingToInstall(f"{source} does not exist.", hint=_HINT)
    if not source.name.endswith(BUNDLE_SUFFIXES):
        raise NothingToInstall(f"{source} is not a bundle.", hint=_HINT)
    return False


async def publish_source(registry: Registry, source: Path, progress: WorkProgress) -> Published:
    """Publishes a folder or a bundle, with the `.minisig` next to the bundle if it exists.

    Raises NothingToInstall, and the errors of building, packing and publishing.
    """
    archive = await _bundle_of(source, progress)
    return await registry.publish(archive, signature=await _signature_of(archive), progress=progress)


async def install_published(registry: Registry, published: Published) -> Installed:
    """Installs a version that the author just published, with all the rights it requests."""
    return await registry.install(published.registry_id, published.version)


async def install_source(registry: Registry, source: Path, progress: WorkProgress) -> Installed:
    """Installs a folder or a bundle with all the rights it requests, and the `.minisig` next to the bundle if it exists.

    Raises NothingToInstall, and the errors of building, packing and installing.
    """
    archive = await _bundle_of(source, progress)
    progress(_step(source, "Installing"))
    return await registry.install_archive(archive, signature=await _signature_of(archive), progress=progress)


async def _bundle_of(source: Path, progress: WorkProgress) -> Path:
    """The bundle itself, or the bundle of a folder, which is built and packed now."""
    if not await asyncio.to_thread(check_source, source):
        return source
    from holdfast.author.building.build import build
    from holdfast.author.tools.toolchain import Toolchain
    from holdfast.bundles.archive.packing import pack

    await build(source, toolchain=Toolchain(), progress=lambda step: progress(_step(source, step)))
    return (await asyncio.to_thread(pack, source)).path


async def _signature_of(archive: Path) -> bytes | None:
    from holdfast.bundles.archive.sidecars import signature_path
    from holdfast.bundles.signing.signature_storage import read_signature

    return await asyncio.to_thread(read_signature, signature_path(archive))


def _step(source: Path, step: str) -> str:
    """The step with the name of its source: several sources are built at the same time."""
    return f"{source.absolute().name}: {step[:1].lower()}{step[1:]}"
