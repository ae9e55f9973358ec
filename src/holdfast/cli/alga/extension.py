"""`alga extension publish`, `install` and `uninstall`: always on a server, with an API key."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from holdfast.cli.alga.arguments import AlgaError, Arguments, read_arguments
from holdfast.cli.alga.output import note_object, print_object
from holdfast.cli.alga.unknown_options import note_unknown
from holdfast.cli.commands.extension import VERSION_VARIABLE, ServerOptions, install_or_note
from holdfast.cli.terminal.printing import note
from holdfast.cli.terminal.progress.progress import open_progress
from holdfast.client.authoring.sources import publish_source
from holdfast.client.target import first_set
from holdfast.errors import HoldfastError

KEY_VARIABLE = "ALGA_API_KEY"
KEY, KEY_FILE = ("--api-key", "--apikey"), ("--api-key-file",)
TENANT, BASE_URL, TIMEOUT, VERSION = ("--tenant", "--tenant-id"), ("--base-url", "--url"), ("--timeout",), ("--version", "-v")
SERVER = (KEY, KEY_FILE, TENANT, BASE_URL, TIMEOUT)


async def publish(tokens: Sequence[str]) -> int:
    """Publishes a folder or a bundle, and installs it unless --no-install; returns the exit code."""
    given = read_arguments(tokens, values=SERVER, switches=[("--no-install",), ("--force", "-f")])
    note_unknown(given)
    source = Path(given.require_word(0, "extension directory"))
    server = _server(given)
    try:
        async with server.open() as registry:
            published = await publish_source(registry, source, open_progress(quiet=False))
            installed = None if "--no-install" in given.switches else await install_or_note(registry, published)
    except HoldfastError as error:
        note(f"[extension publish] failed: {error}")
        return 1
    print_object(
        "[extension publish] success!",
        {
            "registryId": published.registry_id,
            "versionId": published.version_id,
            "contentHash": published.content_hash,
            "installId": None if installed is None else installed.install_id,
        },
    )
    return 0


async def install(tokens: Sequence[str]) -> int:
    """Installs a published version with all the rights it requests; returns the exit code."""
    given = read_arguments(tokens, values=[*SERVER, VERSION])
    note_unknown(given)
    extension = given.require_word(0, "registryId")
    version = given.values.get("--version") or first_set(VERSION_VARIABLE)
    if version is None:
        raise AlgaError(f"Error: --version is required (or set {VERSION_VARIABLE})")
    server = _server(given)
    try:
        async with server.open() as registry:
            installed = await registry.install(extension, version)
    except HoldfastError as error:
        return _failed("[extension install] failed", error)
    print_object(
        "[extension install] enqueued",
        {
            "registryId": installed.registry_id,
            "version": installed.version,
            "installId": installed.install_id,
            "message": f"{installed.display_name} {installed.version} is installed.",
        },
    )
    return 0


async def uninstall(tokens: Sequence[str]) -> int:
    """Uninstalls an extension; returns the exit code."""
    given = read_arguments(tokens, values=SERVER)
    note_unknown(given)
    extension = given.require_word(0, "registryId")
    server = _server(given)
    try:
        async with server.open() as registry:
            removed = await registry.uninstall(extension)
    except HoldfastError as error:
        return _failed("[extension uninstall] failed", error)
    print_object(
        "[extension uninstall] success",
        {"registryId": removed.registry_id, "message": f"{removed.name} is uninstalled."},
    )
    return 0


def _server(given: Arguments) -> ServerOptions:
    """The server that the options and variables name. Raises AlgaError without a key; the tenant of the key is used without another."""
    values: dict[str, Any] = dict(given.values)
    if not ({"--api-key", "--api-key-file"} & values.keys() or first_set(KEY_VARIABLE)):
        raise AlgaError(f"Error: --api-key is required (or set {KEY_VARIABLE})")
    timeout = values.get("--timeout")
    if timeout is not None and not timeout.isdecimal():
        raise AlgaError("Error: --timeout must be a number of milliseconds")
    file = values.get("--api-key-file")
    return ServerOptions(
        base_url=values.get("--base-url"),
        api_key=values.get("--api-key"),
        api_key_file=None if file is None else Path(file),
        tenant=values.get("--tenant"),
        timeout=None if timeout is None else int(timeout),
    )


def _failed(line: str, error: HoldfastError) -> int:
    # An error without a response has the status that its code stands for.
    note_object(line, {"status": error.status, "message": str(error), "details": error.code})
    return 1
