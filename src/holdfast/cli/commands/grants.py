"""`holdfast grants`: show and change what an install may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import print_json, print_lines, print_table
from holdfast.registry.installs.results import Grants

grants = App(name="grants", help="Show and change what an installed extension may do.", version_flags=[])

Capabilities = Annotated[str, Parameter(help="Capabilities, such as cap:http.fetch.")]
Hosts = Annotated[
    tuple[str, ...],
    Parameter(("--egress", "--host"), help="Host, such as api.example.com. Repeat for several hosts.", negative="", show_default=False),
]


@grants.command(name="list")
async def list_grants(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show what an extension requests, and what is granted.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        _print_grants(await registry.grants(name), as_json=json)


@grants.command
async def grant(name: str, /, *capabilities: Capabilities, egress: Hosts = (), target: TargetOptions = HERE, json: Json = False) -> None:
    """Grant rights that an extension requests. They apply from its next call.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        _print_grants(await registry.grant(name, capabilities=capabilities, egress=egress), as_json=json)


@grants.command
async def revoke(name: str, /, *capabilities: Capabilities, egress: Hosts = (), target: TargetOptions = HERE, json: Json = False) -> None:
    """Revoke rights. This applies from the next call, and upgrades do not grant them again.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        _print_grants(await registry.revoke(name, capabilities=capabilities, egress=egress), as_json=json)


def _print_grants(grants: Grants, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(grants))
        return
    rows = [*_rows(grants.asked, grants.granted, "capability"), *_rows(grants.asked_egress, grants.granted_egress, "host")]
    if rows:
        print_table(("KIND", "NAME", "STATE"), rows)
    else:
        print_lines("It requests no rights beyond those of every extension.")
    if grants.pending is not None:
        requested = ", ".join([*grants.pending.get("capabilities", []), *grants.pending.get("egress", [])])
        print_lines(f"Version {grants.pending.get('version')} waits for your consent to: {requested}")


def _rows(requested: Sequence[str], granted: Sequence[str], kind: str) -> list[tuple[str, str, str]]:
    return [(kind, name, "granted" if name in granted else "not granted") for name in sorted({*requested, *granted})]
