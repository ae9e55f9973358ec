"""`holdfast show`: the details of one install, without the values of settings and secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import note, print_error, print_json, print_lines
from holdfast.cli.terminal.results.unset_values import UnsetValues
from holdfast.client.registry.protocol import Registry
from holdfast.errors import HoldfastError
from holdfast.registry.installs.results import InstallDetails, ScheduleSummary
from holdfast.registry.quotas.results import QuotaUse
from holdfast.registry.secrets.results import SecretsSummary


async def show(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show the details of an installed extension.

    These are version, rights, names of settings and secrets, schedules, storage and quotas; values are not shown.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    async with open_registry(target) as registry:
        details = await registry.details(name)
        secrets = await _secrets(registry, details.install_id)
        quotas = (await registry.quotas(details.install_id))[0].quotas
        url = registry.page_of(details.registry_id)
    unset = UnsetValues.of(details, None if secrets is None else secrets.keys)
    if json:
        shape: dict[str, Any] = msgspec.to_builtins(details)
        print_json(
            shape
            | {"unset": unset.to_json(), "secrets": None if secrets is None else msgspec.to_builtins(secrets)}
            | {"quotas": msgspec.to_builtins(quotas), "url": url}
        )
    else:
        print_lines(
            f"{details.display_name} {details.version}", *(f"  {name:<10} {text}" for name, text in _lines(details, secrets, quotas, url))
        )
        for line in unset.lines():
            note(line)


async def _secrets(registry: Registry, install_id: str) -> SecretsSummary | None:
    """The names of the secrets. Reading them needs a permission of its own, so None means that it is missing."""
    try:
        return await registry.secrets(install_id)
    except HoldfastError as error:
        note("Cannot list the names of its secrets:")
        print_error(error)
        return None


def _lines(details: InstallDetails, secrets: SecretsSummary | None, quotas: Sequence[QuotaUse], url: str) -> Iterator[tuple[str, str]]:
    yield "name", f"{details.publisher}.{details.name}"
    if details.description:
        yield "about", details.description
    yield "extension", details.registry_id
    yield "install", details.install_id
    yield "state", "enabled" if details.is_enabled else "disabled"
    yield "bundle", details.content_hash or "none"
    yield "size", "unknown" if details.size_bytes is None else f"{details.size_bytes:,} bytes"
    yield "signed by", details.signing_key_id or "unsigned"
    yield "previous", details.previous_version or "no other version"
    if details.pending is not None:
        requested = ", ".join([*details.pending.capabilities, *details.pending.egress])
        yield "waiting", f"{details.pending.version}, for your consent to: {requested}"
    yield "granted", _names(details.granted, "nothing")
    yield "withheld", _names([name for name in details.asked if name not in details.granted], "nothing")
    yield "may call", _names(details.granted_egress, "no host")
    yield "settings", _names(details.config_keys, "none")
    if secrets is not None:
        yield "secrets", _names(secrets.keys, "none") + (f", until {secrets.expires_at:%Y-%m-%d %H:%M}" if secrets.expires_at else "")
    for schedule in details.schedules:
        what = f"{schedule.method} {schedule.path}" if schedule.method else "an endpoint that no longer exists"
        state = f", next {_next_due(schedule)}" if schedule.enabled else " (disabled)"
        yield "schedule", f"{schedule.name or schedule.schedule_id}: {schedule.cron} {schedule.timezone}, {what}{state}"
    yield "storage", f"{details.storage_records:,} records, {details.storage_bytes:,} bytes"
    for use in quotas:
        if use.limit is not None or use.is_own:
            limit = "no limit" if use.limit is None else f"{use.limit:,}"
            yield "quota", f"{use.quota}: {use.used:,} of {limit}{' (its own)' if use.is_own else ''}"
    yield "page", url


def _next_due(schedule: ScheduleSummary) -> str:
    # Imported here: most installs have no schedules.
    from holdfast.schedules.rules.due_times import next_due

    due = next_due(schedule.cron, schedule.timezone, datetime.now(UTC))
    return "never" if due is None else f"{due:%Y-%m-%d %H:%M}Z"


def _names(names: Sequence[str], none: str) -> str:
    return ", ".join(names) or none
