"""`holdfast versions` and `holdfast yank`: the published versions of an extension, and which are excluded from new installs."""

from __future__ import annotations

from typing import Annotated

import msgspec
from cyclopts import Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.extension_names import split_name_with_version
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import print_json, print_lines, print_table
from holdfast.registry.publishing.results import VersionSummary


async def versions(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """List the published versions of an extension, newest first.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        published = await registry.versions(name)
    if json:
        print_json({"versions": [msgspec.to_builtins(one) for one in published]})
        return
    print_table(
        ("VERSION", "PUBLISHED", "SIZE", "SIGNED BY", "STATE"),
        [
            (
                one.version,
                f"{one.published_at:%Y-%m-%d %H:%M}",
                "" if one.size_bytes is None else f"{one.size_bytes:,}",
                one.signing_key_id or "",
                _state(one),
            )
            for one in published
        ],
    )


async def yank(
    version: str,
    *,
    reason: Annotated[str | None, Parameter(help="Reason that people with this version installed see.", show_default=False)] = None,
    undo: Annotated[bool, Parameter(negative="", help="Allow new installs again.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Exclude a published version from new installs; existing installs are unaffected.

    Args:
        version: The version, as publisher.name@version.
    """
    extension, number = split_name_with_version(version)
    async with open_registry(target) as registry:
        if undo:
            await registry.unyank(extension, number)
        else:
            await registry.yank(extension, number, reason=reason)
    if json:
        print_json({"extension": extension, "version": number, "yanked": not undo})
    else:
        print_lines(
            f"{extension} {number} {'is available for new installs again' if undo else 'is yanked; existing installs are unaffected'}"
        )


def _state(one: VersionSummary) -> str:
    yanked = ([f"yanked: {one.yanked_reason}"] if one.yanked_reason else ["yanked"]) if one.yanked else []
    # A development install and a published version can have the same number.
    return ", ".join([*(["installed"] if one.installed else []), *(["private"] if one.private else []), *yanked])
