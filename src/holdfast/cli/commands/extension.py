"""`alga extension`: publish and install with the command names of the existing platform, always on a server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from holdfast.cli.terminal.clients import warn_when_unencrypted
from holdfast.cli.terminal.extension_names import NameIncomplete
from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.printing import note, print_error, print_json
from holdfast.cli.terminal.progress.progress import open_progress
from holdfast.cli.terminal.results.registry import installed_json, print_installed, print_published, print_uninstalled, published_json
from holdfast.client.authoring.sources import install_published, publish_source
from holdfast.client.registry.http import open_server
from holdfast.client.registry.protocol import Registry
from holdfast.client.target import SERVER_VARIABLES, ServerTarget, Target, first_set, server_address
from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import Installed
from holdfast.registry.publishing.results import Published

DEFAULT_SERVER = "http://localhost:3000"
VERSION_VARIABLE = "ALGA_EXTENSION_VERSION"

extension = App(name="extension", help="Publish and install with the names of the existing platform's `alga extension`.", version_flags=[])


@Parameter(name="*")
@dataclass(frozen=True)
class ServerOptions:
    """The options of these commands: the server, and the API key and tenant to use."""

    base_url: Annotated[
        str | None,
        Parameter(
            ("--base-url", "--url", "--server"),
            help=f"Address of the server. Default: ALGA_API_BASE_URL, or {DEFAULT_SERVER}.",
            show_default=False,
        ),
    ] = None
    api_key: Annotated[
        str | None,
        Parameter(
            ("--api-key", "--apikey"),
            help="Do not use it: other users of this machine can see it. Set ALGA_API_KEY instead.",
            show_default=False,
        ),
    ] = None
    api_key_file: Annotated[
        Path | None, Parameter(help="File whose first line is the API key. Default: ALGA_API_KEY.", show_default=False)
    ] = None
    tenant: Annotated[
        str | None, Parameter(("--tenant", "--tenant-id"), help="Tenant id. Default: ALGA_TENANT_ID.", show_default=False)
    ] = None
    timeout: Annotated[int | None, Parameter(help="Longest wait for one response, in milliseconds.", show_default=False)] = None

    def server_target(self) -> ServerTarget:
        """The server. Raises ServerAddressInvalid, ApiKeyMissing, KeyFileUnusable."""
        url = server_address(self.base_url or first_set(*SERVER_VARIABLES) or DEFAULT_SERVER)
        given = Target(server=url, api_key_file=self.api_key_file, tenant=self.tenant)
        seconds = None if self.timeout is None else max(self.timeout, 1) / 1_000
        if self.api_key is None:
            return ServerTarget(url=url, api_key=given.read_api_key(), tenant_id=given.tenant_id, seconds=seconds)
        note("Other users of this machine can see a key on a command line. Set ALGA_API_KEY, or use --api-key-file.")
        return ServerTarget(url=url, api_key=self.api_key, tenant_id=given.tenant_id, seconds=seconds)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Registry]:
        """The registry of the server."""
        server = self.server_target()
        warn_when_unencrypted(server)
        async with open_server(server) as registry:
            yield registry


HERE = ServerOptions()


@extension.command
async def publish(
    source: Path,
    *,
    install: Annotated[bool, Parameter(help="Also install it for your tenant.")] = True,
    force: Annotated[
        bool, Parameter(("--force", "-f"), negative="", help="Accepted for compatibility; packing always overwrites the bundle.")
    ] = False,
    target: ServerOptions = HERE,
    json: Json = False,
) -> None:
    """Publish an extension, and install it: `holdfast publish --install`.

    Args:
        source: The folder of an extension, or a bundle (.tar.zst).
    """
    del force
    async with target.open() as registry:
        published = await publish_source(registry, source, open_progress(quiet=json))
        installed = await install_or_note(registry, published) if install else None
        url = registry.page_of(published.registry_id)
    if json:
        print_json(published_json(published, None if installed is None else installed_json(installed, url)))
        return
    print_published(published)
    if installed is not None:
        print_installed(installed, url)


@extension.command
async def install(
    registry_id: str,
    *,
    version: Annotated[
        str | None, Parameter(("--version", "-v"), help=f"The version. Default: {VERSION_VARIABLE}.", show_default=False)
    ] = None,
    target: ServerOptions = HERE,
    json: Json = False,
) -> None:
    """Install a published version with all the rights it requests, without a prompt: `holdfast install NAME@VERSION --yes`.

    Args:
        registry_id: The registry id of the extension, or publisher.name.
    """
    wanted = version or first_set(VERSION_VARIABLE)
    if wanted is None:
        raise NameIncomplete("No version given.", hint=f"Pass --version, or set {VERSION_VARIABLE}.")
    async with target.open() as registry:
        installed = await registry.install(registry_id, wanted)
        url = registry.page_of(installed.registry_id)
    if json:
        print_json(installed_json(installed, url))
    else:
        print_installed(installed, url)


@extension.command
async def uninstall(registry_id: str, *, target: ServerOptions = HERE, json: Json = False) -> None:
    """Uninstall an extension: `holdfast uninstall`.

    Args:
        registry_id: The registry id of the extension, or publisher.name.
    """
    async with target.open() as registry:
        removed = await registry.uninstall(registry_id)
    print_uninstalled(removed, as_json=json)


async def install_or_note(registry: Registry, published: Published) -> Installed | None:
    """Installs a version that was just published; returns None, with a note, when that fails.

    The existing command also reports success then, because the version is published.
    """
    try:
        return await install_published(registry, published)
    except HoldfastError as error:
        note("The version is published, but its install failed:")
        print_error(error)
        return None
