"""`holdfast upgrade` and `holdfast rollback`: another version of what is installed."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import Parameter

from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.prompts import Yes, ask
from holdfast.cli.terminal.references import split_reference
from holdfast.cli.terminal.rendering import tell_upgraded
from holdfast.client.registry.protocol import Registry, open_registry
from holdfast.client.target import HERE, Target
from holdfast.errors import HoldfastError
from holdfast.registry.installs.upgrade import ConsentRequired, Upgraded

DisableMissing = Annotated[
    bool,
    Parameter("--disable-missing-schedules", negative="", help="Disable the schedules whose endpoints that version does not have."),
]


async def upgrade(
    name: str, *, yes: Yes = False, disable_missing_schedules: DisableMissing = False, target: Target = HERE, json: Json = False
) -> None:
    """Move an installed extension to another version: the newest, or the one named. One that asks for more asks you first.

    Settings, secrets, schedules and what was revoked stay as they are.

    Args:
        name: The extension's name or registry id; with @version, or @1.2.* for the newest of these.
    """
    extension, version = split_reference(name)
    async with open_registry(target) as registry:
        try:
            upgraded = await registry.upgrade(extension, version, consent=False, disable_missing_schedules=disable_missing_schedules)
        except HoldfastError as refused:
            if refused.to_json()["error"] != ConsentRequired.code:
                raise
            upgraded = await _with_consent(registry, extension, refused.details, yes=yes, disable_missing=disable_missing_schedules)
    tell_upgraded(upgraded, as_json=json, done="Upgraded")


async def rollback(name: str, *, disable_missing_schedules: DisableMissing = False, target: Target = HERE, json: Json = False) -> None:
    """Move an installed extension back to the version before, with the rights it had then.

    Args:
        name: The extension's name or registry id.
    """
    async with open_registry(target) as registry:
        back = await registry.rollback(name, disable_missing_schedules=disable_missing_schedules)
    tell_upgraded(back, as_json=json, done="Went back")


async def _with_consent(registry: Registry, extension: str, more: dict[str, Any], *, yes: bool, disable_missing: bool) -> Upgraded:
    less = f"`holdfast install {extension}@{more['version']}` with --only or --no-egress grants less."
    ask(f"Version {more['version']} of {extension} asks for more", more["capabilities"], more["egress"], yes=yes, less=less)
    # The very version that was shown.
    return await registry.upgrade(extension, more["version"], consent=True, disable_missing_schedules=disable_missing)
