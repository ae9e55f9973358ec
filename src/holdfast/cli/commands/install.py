"""`holdfast install`: install an extension from its folder, a bundle or the registry."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.consent import Yes, require_consent, select_rights
from holdfast.cli.terminal.extension_names import source_path, split_name
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json
from holdfast.cli.terminal.progress.progress import open_progress
from holdfast.cli.terminal.results.registry import installed_json, print_installed
from holdfast.cli.terminal.results.unset_values import find_unset_values
from holdfast.client.authoring.sources import NothingToInstall, install_source
from holdfast.client.registry.protocol import Registry
from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import Installed

Only = Annotated[
    tuple[str, ...],
    Parameter(
        "--only",
        negative="",
        show_default=False,
        help="Grant only these of the requested capabilities, separated by commas.",
    ),
]
NoEgress = Annotated[tuple[str, ...], Parameter("--no-egress", negative="", show_default=False, help="Do not allow calls to this host.")]


class NothingToNarrow(HoldfastError):
    """Raised when --only or --no-egress is used with a folder or a bundle, which gets all the rights that its manifest requests."""

    code = "nothing_to_narrow"
    status = 400


async def install(
    what: str,
    *,
    yes: Yes = False,
    only: Only = (),
    no_egress: NoEgress = (),
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Install an extension from a folder, a bundle or the registry.

    A folder is built and packed first. A signature next to a bundle is installed with it. A folder or bundle gets all the rights that its
    manifest requests. For a published version, you see the requested rights first and confirm them. A running platform has the extension at
    once; without one, the next start has it.

    Args:
        what: The folder of an extension, a bundle (.tar.zst), or publisher.name@version of a published version.
    """
    source = source_path(what)
    if source is not None and (only or no_egress):
        raise NothingToNarrow(
            "--only and --no-egress work with published versions only; a folder or bundle gets the rights that its manifest requests.",
            hint="Install it without them, then remove rights with `holdfast grants revoke`.",
        )
    async with open_registry(target, missing="create") as registry:
        if source is not None:
            installed = await install_source(registry, source, open_progress(quiet=json))
        else:
            installed = await _published(registry, what, yes=yes, only=only, no_egress=no_egress)
        url = registry.page_of(installed.registry_id)
        unset = await find_unset_values(registry, installed.install_id)
    if json:
        print_json(installed_json(installed, url) | {"unset": unset.to_json()})
    else:
        print_installed(installed, url)
        for line in unset.lines():
            note(line)


async def _published(registry: Registry, what: str, *, yes: bool, only: tuple[str, ...], no_egress: tuple[str, ...]) -> Installed:
    extension, version = split_name(what)
    try:
        requested = await registry.publication(extension, version)
    except HoldfastError as unknown:
        if version is None and unknown.to_json()["error"] == "extension_not_found":
            # Most likely the misspelt name of a folder.
            raise NothingToInstall(
                f"No folder, bundle or published extension {what} found.",
                hint="Check the name. Pass the folder of an extension, a .tar.zst bundle, or publisher.name@version.",
            ) from None
        raise
    capabilities, egress = select_rights(requested.capabilities, requested.egress, only=only, no_egress=no_egress)
    require_consent(f"{requested.display_name} {requested.version} of {requested.publisher} requests", capabilities, egress, yes=yes)
    # Exactly the version that was shown: a newer one may have been published since.
    return await registry.install(requested.registry_id, requested.version, capabilities=capabilities, egress=egress)
