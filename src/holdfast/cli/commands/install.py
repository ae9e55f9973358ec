"""`holdfast install`: an extension from its folder, from a bundle, or from what is published."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.printing import print_json
from holdfast.cli.terminal.progress import open_progress
from holdfast.cli.terminal.prompts import Yes, ask, narrowed
from holdfast.cli.terminal.references import as_source, split_reference
from holdfast.cli.terminal.rendering import installed_json, print_installed
from holdfast.client.project import NothingToInstall
from holdfast.client.registry.protocol import Registry, open_registry
from holdfast.client.target import HERE, Target
from holdfast.errors import HoldfastError
from holdfast.registry.errors import ExtensionUnknown
from holdfast.registry.installs.dev_install import Installed

Only = Annotated[
    tuple[str, ...],
    Parameter(
        "--only",
        negative="",
        show_default=False,
        help="Grant only these capabilities of what is asked for; names with commas between them.",
    ),
]
NoEgress = Annotated[tuple[str, ...], Parameter("--no-egress", negative="", show_default=False, help="Do not let it call this host.")]


class NothingToNarrow(HoldfastError):
    """Raised when less is to be granted of what nobody is asked about."""

    code = "nothing_to_narrow"
    status = 400


async def install(
    what: str,
    *,
    yes: Yes = False,
    only: Only = (),
    no_egress: NoEgress = (),
    target: Target = HERE,
    json: Json = False,
) -> None:
    """Install an extension, whether or not the platform is running.

    A folder is built and packed first, and a signature beside a bundle is taken along; it is granted what it asks for. What is published is
    installed by name, once you have seen what it asks for.

    Args:
        what: The folder of an extension, a bundle (.tar.zst), or publisher.name@version of what is published.
    """
    source = as_source(what)
    if source is not None and (only or no_egress):
        raise NothingToNarrow(
            "--only and --no-egress are for what is published; your own folder or bundle gets what its manifest asks for.",
            hint="Take rights away afterwards with `holdfast grants revoke`.",
        )
    async with open_registry(target) as registry:
        if source is not None:
            installed = await registry.install_source(source, open_progress(quiet=json))
        else:
            installed = await _published(registry, what, yes=yes, only=only, no_egress=no_egress)
        url = registry.page_of(installed.registry_id)
    if json:
        print_json(installed_json(installed, url))
    else:
        print_installed(installed, url)


async def _published(registry: Registry, what: str, *, yes: bool, only: tuple[str, ...], no_egress: tuple[str, ...]) -> Installed:
    extension, version = split_reference(what)
    try:
        asking = await registry.publication(extension, version)
    except HoldfastError as unknown:
        if version is None and unknown.to_json()["error"] == ExtensionUnknown.code:
            # Most likely a folder whose name was mistyped.
            raise NothingToInstall(
                f"There is no folder and no bundle {what}, and no published extension of that name.",
                hint="Name the folder of an extension, a .tar.zst bundle, or publisher.name@version.",
            ) from None
        raise
    capabilities, egress = narrowed(asking.capabilities, asking.egress, only=only, no_egress=no_egress)
    ask(f"{asking.display_name} {asking.version} of {asking.publisher} asks for", capabilities, egress, yes=yes)
    # The very version that was shown, whatever is published meanwhile.
    return await registry.install(asking.registry_id, asking.version, capabilities=capabilities, egress=egress)
