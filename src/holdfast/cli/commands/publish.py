"""`holdfast publish`: publish a version of an extension, which is then immutable."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import print_json
from holdfast.cli.terminal.progress.progress import open_progress
from holdfast.cli.terminal.results.registry import installed_json, print_installed, print_published, published_json
from holdfast.client.authoring.sources import install_published, publish_source


async def publish(
    source: Path,
    *,
    install: Annotated[bool, Parameter(negative="", help="Also install it for your tenant, with all the rights it requests.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Publish a version of an extension.

    A folder is built and packed first. A signature next to the bundle is published with it. A published version never changes.

    Args:
        source: The folder of an extension, or a bundle (.tar.zst).
    """
    async with open_registry(target, missing="create") as registry:
        published = await publish_source(registry, source, open_progress(quiet=json))
        if not json:
            print_published(published)
        installed = await install_published(registry, published) if install else None
        url = registry.page_of(published.registry_id)
    if json:
        print_json(published_json(published, None if installed is None else installed_json(installed, url)))
    elif installed is not None:
        print_installed(installed, url)
