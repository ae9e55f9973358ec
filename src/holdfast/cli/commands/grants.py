"""`holdfast grants`: what an install may do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.options import Json
from holdfast.cli.terminal.printing import print_json, print_lines, print_table
from holdfast.client.registry.protocol import open_registry
from holdfast.client.target import HERE, Target
from holdfast.registry.installs.grants import Grants

grants = App(name="grants", help="Show and change what an installed extension may do.", version_flags=[])

Capabilities = Annotated[str, Parameter(help="Capabilities, such as cap:http.fetch.")]
Hosts = Annotated[
    tuple[str, ...], Parameter(("--egress", "--host"), help="A host. May be given several times.", negative="", show_default=False)
]


@grants.command(name="list")
async def list_grants(name: str, *, target: Target = HERE, json: Json = False) -> None:
    """Show what an extension asks for, and what it is granted.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        _tell(await registry.grants(name), as_json=json)


@grants.command
async def grant(name: str, /, *capabilities: Capabilities, egress: Hosts = (), target: Target = HERE, json: Json = False) -> None:
    """Grant more of what an extension asks for. It counts from its next call on."""
    async with open_registry(target) as registry:
        _tell(await registry.grant(name, capabilities=capabilities, egress=egress), as_json=json)


@grants.command
async def revoke(name: str, /, *capabilities: Capabilities, egress: Hosts = (), target: Target = HERE, json: Json = False) -> None:
    """Take rights away. It counts from the next call on, and stays so when the extension is upgraded."""
    async with open_registry(target) as registry:
        _tell(await registry.revoke(name, capabilities=capabilities, egress=egress), as_json=json)


def _tell(told: Grants, *, as_json: bool) -> None:
    if as_json:
        print_json(msgspec.to_builtins(told))
        return
    rows = [*_rows(told.asked, told.granted, "capability"), *_rows(told.asked_egress, told.granted_egress, "host")]
    if rows:
        print_table(("KIND", "NAME", "STATE"), rows)
    else:
        print_lines("It asks for nothing beyond what every extension may do.")
    if told.pending is not None:
        more = ", ".join([*told.pending.get("capabilities", []), *told.pending.get("egress", [])])
        print_lines(f"Version {told.pending.get('version')} waits for consent to: {more}")


def _rows(asked: Sequence[str], granted: Sequence[str], kind: str) -> list[tuple[str, str, str]]:
    return [(kind, name, "granted" if name in granted else "not granted") for name in sorted({*asked, *granted})]
