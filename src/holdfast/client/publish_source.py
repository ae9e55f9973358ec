"""Publishing, and installing, what an author names: a folder or a bundle."""

from __future__ import annotations

import asyncio
from pathlib import Path

from holdfast.bundles.archive.sidecars import signature_path
from holdfast.bundles.signing.signature_storage import read_signature
from holdfast.cli.terminal.progress import WorkProgress
from holdfast.client.project import bundle_of, naming
from holdfast.client.registry.protocol import Registry
from holdfast.registry.installs.results import Installed
from holdfast.registry.publishing.publish import Published


async def publish_source(registry: Registry, source: Path, progress: WorkProgress) -> Published:
    """Publishes a folder (built and packed first) or a bundle, with the `.minisig` beside the bundle if there is one.

    Raises NothingToInstall and whatever building, packing and publishing refuse.
    """
    archive = await bundle_of(source, naming(source, progress))
    signature = await asyncio.to_thread(read_signature, signature_path(archive))
    return await registry.publish(archive, signature=signature, progress=progress)


async def install_published(registry: Registry, published: Published) -> Installed:
    """Installs what was just published, with all that it asks for: it is the author's own."""
    return await registry.install(published.registry_id, published.version)
