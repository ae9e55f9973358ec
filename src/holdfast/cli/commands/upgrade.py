"""`holdfast upgrade` and `holdfast rollback`: move an install to another version."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.consent import Yes, require_consent
from holdfast.cli.terminal.extension_names import split_name
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.results.registry import print_upgraded
from holdfast.client.registry.protocol import Registry
from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import Upgraded

DisableMissing = Annotated[
    bool,
    Parameter("--disable-missing-schedules", negative="", help="Disable the schedules whose endpoints do not exist in that version."),
]


async def upgrade(
    name: str, *, yes: Yes = False, disable_missing_schedules: DisableMissing = False, target: TargetOptions = HERE, json: Json = False
) -> None:
    """Upgrade an installed extension to the newest version, or to the one you name.

    If the version requests more rights, you confirm them first. Settings, secrets, schedules and revoked rights stay as they are.

    Args:
        name: The extension's name or registry id, optionally with @version, or @1.2.* for the newest 1.2 version.
    """
    extension, version = split_name(name)
    async with open_registry(target) as registry:
        try:
            upgraded = await registry.upgrade(extension, version, consent=False, disable_missing_schedules=disable_missing_schedules)
        except HoldfastError as error:
            if error.to_json()["error"] != "CONSENT_REQUIRED":
                raise
            upgraded = await _with_consent(registry, extension, error.details, yes=yes, disable_missing=disable_missing_schedules)
    print_upgraded(upgraded, as_json=json, done="Upgraded")


async def rollback(
    name: str, *, disable_missing_schedules: DisableMissing = False, target: TargetOptions = HERE, json: Json = False
) -> None:
    """Return an installed extension to its previous version, with its previous rights.

    Args:
        name: The extension's name or registry id.
    """
    async with open_registry(target) as registry:
        back = await registry.rollback(name, disable_missing_schedules=disable_missing_schedules)
    print_upgraded(back, as_json=json, done="Rolled back")


async def _with_consent(registry: Registry, extension: str, more: dict[str, Any], *, yes: bool, disable_missing: bool) -> Upgraded:
    fewer = f"`holdfast install {extension}@{more['version']}` with --only or --no-egress grants fewer rights."
    require_consent(
        f"Version {more['version']} of {extension} requests more rights", more["capabilities"], more["egress"], yes=yes, fewer=fewer
    )
    # Exactly the version that was shown.
    return await registry.upgrade(extension, more["version"], consent=True, disable_missing_schedules=disable_missing)
