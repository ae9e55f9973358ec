"""`holdfast quotas`: what installed extensions have used today, and what they may use, which an install can have of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from cyclopts import App, Parameter
from cyclopts.validators import Number

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_table
from holdfast.errors import HoldfastError
from holdfast.registry.quotas.results import MAX_LIMIT, InstallQuotas, QuotaUse

_STATES = {"ok": "", "warning": "80 % reached", "exceeded": "used up"}


quotas = App(name="quotas", help="Show what installed extensions have used today, and set what they may use.", version_flags=[])

Limit = Annotated[int | None, Parameter(validator=Number(gte=0, lte=MAX_LIMIT), show_default=False)]


class QuotaNotGiven(HoldfastError):
    """Raised when no limit to set is given."""

    code = "quota_not_given"
    status = 400


@quotas.default
async def show_quotas(name: str | None = None, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show what installed extensions have used today, and what they may use.

    The day begins at midnight UTC. What was used in the last second may be missing. Stored data does not begin again each day.

    Args:
        name: The extension's name, `publisher.name` or registry id. Default: all installed extensions.
    """
    async with open_registry(target) as registry:
        found = await registry.quotas(name)
    _print_quotas(found, as_json=json)


@quotas.command(name="set")
async def set_quotas(
    name: str,
    /,
    *,
    calls: Limit = None,
    cpu_ms: Limit = None,
    fuel: Limit = None,
    egress: Limit = None,
    storage: Limit = None,
    default: Annotated[bool, Parameter(negative="", help="Remove the limits of its own; those you give here stay.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Give an installed extension limits of its own, in place of those of the settings. They apply from the next call.

    0 means no limit. On a server, a limit can be lower than the server's and not higher. Uninstalling removes the limits.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        calls: Calls a day.
        cpu_ms: CPU time a day, in milliseconds.
        fuel: Fuel a day, which the runner counts only with HOLDFAST_ENGINE_FUEL.
        egress: Bytes a day that its fetches send and receive.
        storage: Bytes that it may store.
    """
    given = {"calls": calls, "cpu_ms": cpu_ms, "fuel": fuel, "egress_bytes": egress, "storage_bytes": storage}
    changes: dict[str, int | None] = given if default else {quota: limit for quota, limit in given.items() if limit is not None}
    if not changes:
        raise QuotaNotGiven("No limit given.", hint="Add a limit such as `--calls 10000`, or `--default` to remove those of its own.")
    async with open_registry(target) as registry:
        found = await registry.set_quotas(name, changes)
    _print_quotas(found, as_json=json)


def _print_quotas(found: Sequence[InstallQuotas], *, as_json: bool) -> None:
    if as_json:
        print_json({"quotas": [msgspec.to_builtins(one) for one in found]})
        return
    if not found:
        note("No extensions are installed.")
        return
    print_table(("NAME", "QUOTA", "USED", "LIMIT", "STATE"), [_row(one, use) for one in found for use in one.quotas])
    note(f"All but storage_bytes begins again at {found[0].resets_at:%Y-%m-%d %H:%M} UTC.")


def _row(install: InstallQuotas, use: QuotaUse) -> tuple[str, ...]:
    share = f" ({use.used * 100 // use.limit} %)" if use.limit else ""
    limit = ("none" if use.limit is None else f"{use.limit:,}") + (" (its own)" if use.is_own else "")
    return f"{install.publisher}.{install.name}", use.quota, f"{use.used:,}{share}", limit, _STATES[use.state]
