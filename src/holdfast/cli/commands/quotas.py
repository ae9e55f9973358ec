"""`holdfast quotas`: what installed extensions have used today, and what they may use."""

from __future__ import annotations

import msgspec

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_json, print_table
from holdfast.registry.quotas.results import InstallQuotas, QuotaUse

_STATES = {"ok": "", "warning": "80 % reached", "exceeded": "used up"}


async def quotas(name: str | None = None, /, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show what installed extensions have used today, and what they may use.

    The day begins at midnight UTC. What was used in the last second may be missing. Stored data does not begin again each day.

    Args:
        name: The extension's name, `publisher.name` or registry id. Default: all installed extensions.
    """
    async with open_registry(target) as registry:
        found = await registry.quotas(name)
    if json:
        print_json({"quotas": [msgspec.to_builtins(one) for one in found]})
        return
    if not found:
        note("No extensions are installed.")
        return
    print_table(("NAME", "QUOTA", "USED", "LIMIT", "STATE"), [_row(one, use) for one in found for use in one.quotas])
    note(f"All but storage_bytes begins again at {found[0].resets_at:%Y-%m-%d %H:%M} UTC.")


def _row(install: InstallQuotas, use: QuotaUse) -> tuple[str, ...]:
    share = f" ({use.used * 100 // use.limit} %)" if use.limit else ""
    limit = "none" if use.limit is None else f"{use.limit:,}"
    return f"{install.publisher}.{install.name}", use.quota, f"{use.used:,}{share}", limit, _STATES[use.state]
