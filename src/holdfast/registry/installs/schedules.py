"""The schedules of an install when its version changes: existing ones move to the new endpoints, declared ones are added."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import structlog
from msgspec import Struct
from sqlalchemy import Select, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.bundles.manifest.fields.sections import Schedule
from holdfast.bundles.manifest.model import Manifest
from holdfast.records.database.uuids import new_id
from holdfast.registry.installs.missing_schedules import SchedulesMissing
from holdfast.registry.installs.results import MissingSchedule
from holdfast.registry.models.endpoints import Endpoint, normalise_path, read_endpoints
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionVersion, TenantExtensionInstall, TenantExtensionSchedule
from holdfast.registry.publishing.version_manifest import manifest_of

DISABLED = "Disabled due to missing endpoint on extension update"
"""The `last_error` of a schedule that was disabled because a new version has no such endpoint."""

_log = structlog.get_logger(__name__)


class Call(Struct, frozen=True):
    """What a schedule calls: a method in upper case and a path with a leading `/`. Both are empty when the endpoint is gone."""

    method: str
    path: str


Calls = Sequence[tuple[TenantExtensionSchedule, Call]]


async def scheduled_calls(session: AsyncSession, install: TenantExtensionInstall) -> Calls:
    """The schedules of an install and what each calls. Read them before endpoints are replaced."""
    rows = await session.execute(
        select(TenantExtensionSchedule, ExtensionApiEndpoint.method, ExtensionApiEndpoint.path)
        .outerjoin(ExtensionApiEndpoint, ExtensionApiEndpoint.id == TenantExtensionSchedule.endpoint_id)
        .where(TenantExtensionSchedule.tenant_id == install.tenant_id, TenantExtensionSchedule.install_id == install.id)
        .order_by(TenantExtensionSchedule.created_at, TenantExtensionSchedule.id)
    )
    return [(row[0], Call(row[1] or "", row[2] or "")) for row in rows]


async def move_schedules(
    session: AsyncSession,
    install: TenantExtensionInstall,
    calls: Calls,
    old: Manifest | None,
    new: ExtensionVersion,
    *,
    disable_missing: bool,
    enable_again: bool = False,
    now: datetime,
) -> list[MissingSchedule]:
    """Moves the schedules of an install to the version `new`. `calls` and `old` are its schedules and its manifest until now.

    Each schedule continues with the endpoint of the same method and path. A schedule that `new` declares and `old` did not is added. One
    that is unchanged since `old` declared it follows `new`, and is deleted when `new` does not declare it. What the tenant changed, added
    or deleted stays that way. A schedule without an endpoint raises SchedulesMissing or, with `disable_missing`, is disabled and returned.
    With `enable_again` the schedules that were disabled for that reason run again when their endpoint is back.
    """
    endpoints = await endpoint_ids(session, new, now)
    declared = read_endpoints(new.api_endpoints)
    before, after = _by_key(old), _by_key(manifest_of(new))
    places = {key: endpoints.get(_call_of(schedule, declared)) for key, schedule in after.items()}
    rows = {row.id: (row, call) for row, call in calls}
    for key, schedule in before.items():
        row, call = rows.get(_schedule_id(install.id, key), (None, None))
        if row is None or call is None or not _is_as_declared(row, call, schedule):
            continue
        if key not in after:
            await session.delete(row)
        elif (endpoint_id := places[key]) is not None:
            _write(row, after[key], endpoint_id, now)
        else:
            continue
        del rows[row.id]
    # Deletions first: a new schedule may have the name of a deleted one.
    await session.flush()
    disabled = _match(list(rows.values()), endpoints, new, disable_missing=disable_missing, enable_again=enable_again, now=now)
    kept = (await session.scalars(_of(install))).all()
    known = {row.id for row in kept} | {row.name for row in kept}
    for key, schedule in after.items():
        row_id, endpoint_id = _schedule_id(install.id, key), places[key]
        if key in before or row_id in known or (schedule.name is not None and schedule.name in known):
            continue
        if endpoint_id is None:
            _log.warning("declared_schedule_without_endpoint", version_id=new.id, endpoint=schedule.endpoint)
            continue
        row = TenantExtensionSchedule(id=row_id, install_id=install.id, tenant_id=install.tenant_id, created_at=now)
        _write(row, schedule, endpoint_id, now)
        session.add(row)
    await session.flush()
    return disabled


async def delete_schedules(session: AsyncSession, install: TenantExtensionInstall) -> None:
    """Deletes all schedules of an install."""
    await session.execute(
        delete(TenantExtensionSchedule).where(
            TenantExtensionSchedule.tenant_id == install.tenant_id, TenantExtensionSchedule.install_id == install.id
        )
    )


async def endpoint_ids(session: AsyncSession, version: ExtensionVersion, now: datetime) -> dict[Call | None, str]:
    """The ids of a version's endpoints. Missing rows are created: other platforms create them only on request."""
    query = select(ExtensionApiEndpoint).where(ExtensionApiEndpoint.version_id == version.id)
    known: dict[Call | None, str] = {Call(row.method, row.path): row.id for row in (await session.scalars(query)).all()}
    stored = {Call(one.method, normalise_path(one.path)): one.handler for one in read_endpoints(version.api_endpoints)}
    lacking = [
        {
            "id": new_id(),
            "version_id": version.id,
            "method": call.method,
            "path": call.path,
            "handler": handler,
            "created_at": now,
            "updated_at": now,
        }
        for call, handler in stored.items()
        if call not in known
    ]
    if not lacking:
        return known
    # Another tenant may create the same rows at this moment; both sets are equal.
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    await session.execute(
        insert(ExtensionApiEndpoint).values(lacking).on_conflict_do_nothing(index_elements=["version_id", "method", "path"])
    )
    return {Call(row.method, row.path): row.id for row in (await session.scalars(query)).all()}


def _is_disabled_for_that(row: TenantExtensionSchedule) -> bool:
    return not row.enabled and row.last_error == DISABLED


def _match(
    calls: Calls, endpoints: dict[Call | None, str], version: ExtensionVersion, *, disable_missing: bool, enable_again: bool, now: datetime
) -> list[MissingSchedule]:
    # A schedule that was disabled for a missing endpoint before is not reported again.
    missing = [(row, call) for row, call in calls if call not in endpoints and not _is_disabled_for_that(row)]
    missing_schedules = [MissingSchedule(schedule_id=row.id, method=call.method, path=call.path) for row, call in missing]
    if missing_schedules and not disable_missing:
        raise SchedulesMissing(version.version, missing_schedules)
    for row, _call in missing:
        row.enabled = False
        row.job_id = row.runner_schedule_id = None
        row.last_error = DISABLED
        row.updated_at = now
    for row, call in calls:
        if (endpoint_id := endpoints.get(call)) is None:
            continue
        if enable_again and _is_disabled_for_that(row):
            row.enabled, row.last_error, row.updated_at = True, None, now
        if row.endpoint_id != endpoint_id:
            row.endpoint_id, row.updated_at = endpoint_id, now
    return missing_schedules


def _of(install: TenantExtensionInstall) -> Select[TenantExtensionSchedule]:
    return select(TenantExtensionSchedule).where(
        TenantExtensionSchedule.tenant_id == install.tenant_id, TenantExtensionSchedule.install_id == install.id
    )


def _by_key(manifest: Manifest | None) -> dict[str, Schedule]:
    """What a manifest declares, by name; without one, by endpoint and time."""
    if manifest is None:
        return {}
    return {schedule.name or f"{schedule.endpoint} {schedule.cron}": schedule for schedule in manifest.schedules}


def _schedule_id(install_id: str, key: str) -> str:
    return str(uuid.uuid5(uuid.UUID(install_id), f"schedules/{key}"))


def _call_of(schedule: Schedule, endpoints: Sequence[Endpoint]) -> Call | None:
    """The endpoint of a declaration `METHOD /path` or `/path`. Of several with that path, a schedulable one is preferred."""
    path = normalise_path(schedule.path)
    candidates = [one for one in endpoints if normalise_path(one.path) == path and schedule.method in (None, one.method)]
    if not candidates:
        return None
    chosen = next((one for one in candidates if one.schedulable), candidates[0])
    return Call(chosen.method, path)


def _write(row: TenantExtensionSchedule, schedule: Schedule, endpoint_id: str, now: datetime) -> None:
    row.endpoint_id = endpoint_id
    row.name = schedule.name
    row.cron, row.timezone = schedule.cron, schedule.timezone or "UTC"
    row.enabled = schedule.enabled
    row.payload_json = schedule.payload
    row.updated_at = now


def _is_as_declared(row: TenantExtensionSchedule, call: Call, schedule: Schedule) -> bool:
    """Whether a row is unchanged since it was declared."""
    path = normalise_path(schedule.path)
    written: tuple[Any, ...] = (row.name, row.cron, row.timezone, row.enabled, row.payload_json, call.path)
    return written == (schedule.name, schedule.cron, schedule.timezone or "UTC", schedule.enabled, schedule.payload, path)
