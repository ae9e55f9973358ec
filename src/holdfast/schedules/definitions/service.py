"""Schedules of installs: every operation is of one install of one tenant, and finds nothing of another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, delete, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from holdfast.contract.schedules import EndpointInfo, InstallSchedules, RunInfo, RunPage, ScheduleInfo
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import as_uuid, new_id
from holdfast.registry.actors import Actor
from holdfast.registry.audit import record_audit
from holdfast.registry.installs.lookup import IS_ENABLED, require_install
from holdfast.registry.models.ids import slug
from holdfast.registry.models.installs import (
    ExtensionApiEndpoint,
    ExtensionRegistry,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionSchedule,
)
from holdfast.schedules.definitions.endpoints import choose_endpoint, read_endpoints_of
from holdfast.schedules.definitions.history import read_history, run_info
from holdfast.schedules.errors import ScheduleError, ScheduleInvalid
from holdfast.schedules.rules.fields import check_fields
from holdfast.schedules.tables import ScheduleCursor, ScheduleRun

MAX_SCHEDULES = 50
MAX_RUNS_NOW = 5
RUNS_NOW_WINDOW = timedelta(seconds=60)
TOO_MANY = f"Too many schedules (max {MAX_SCHEDULES} per extension install)"
NAME_TAKEN = "Schedule name already in use for this extension"

_Row = tuple[TenantExtensionSchedule, str | None, str | None, datetime | None]


class ScheduleService:
    """The schedules of one database. `actor` is the person who makes a change, for the audit log; None is the extension itself."""

    def __init__(self, db: Database, *, now: Callable[[], datetime] = utc_now) -> None:
        self._db = db
        self._now = now

    async def install_id_of(self, tenant_id: str, extension: str) -> str:
        """The id of a tenant's install, by the name or an id of its extension. Raises ExtensionNotInstalled, among others."""
        async with self._db.session() as session:
            install, _registry, _version = await require_install(session, tenant_id, extension)
            return install.id

    async def list_by_install(self, tenant_id: str, extension: str | None) -> list[InstallSchedules]:
        """The schedules of one install, or (None) of every enabled install that has some, by name. Raises what `list_schedules` raises."""
        async with self._db.session() as session:
            if extension is not None:
                install, registry, _version = await require_install(session, tenant_id, extension)
                installs = [(install, registry)]
            else:
                installs = await _installs_with_schedules(session, tenant_id)
        return [
            InstallSchedules(
                extension=slug(registry.publisher, registry.name),
                install_id=install.id,
                schedules=await self.list_schedules(tenant_id, install.id),
            )
            for install, registry in installs
        ]

    async def list_schedules(self, tenant_id: str, install_id: str) -> list[ScheduleInfo]:
        """The schedules of an install, the oldest first. Raises ScheduleError (`schedule_install_not_found`)."""
        async with self._db.session() as session:
            await _version(session, tenant_id, install_id)
            rows = await session.execute(_of_install(tenant_id, install_id))
            return [_info(*row) for row in rows]

    async def get_schedule(self, tenant_id: str, install_id: str, schedule_id: str) -> ScheduleInfo:
        """One schedule. Raises ScheduleError."""
        async with self._db.session() as session:
            await _version(session, tenant_id, install_id)
            return _info(*await _row(session, tenant_id, install_id, schedule_id))

    async def endpoints(self, tenant_id: str, install_id: str) -> list[EndpointInfo]:
        """The endpoints of the installed version, with whether schedules may call them. Raises ScheduleError."""
        async with self._db.transaction() as session:
            return await read_endpoints_of(session, await _version(session, tenant_id, install_id), self._now())

    async def create(
        self, tenant_id: str, install_id: str, *, endpoint: str, cron: str, actor: Actor | None = None, **fields: Any
    ) -> ScheduleInfo:
        """Creates a schedule. `fields` may be `timezone`, `enabled`, `name`, `payload`. Raises ScheduleError, ScheduleInvalid."""
        given = {"timezone": None, "enabled": True, "name": None, "payload": None, **fields, "cron": cron}
        now = self._now()
        try:
            async with self._db.transaction() as session:
                version = await _version(session, tenant_id, install_id, lock=True)
                values = await self._checked(session, version, given, endpoint)
                count = select(func.count()).where(TenantExtensionSchedule.install_id == install_id)
                if (await session.scalar(count) or 0) >= MAX_SCHEDULES:
                    raise ScheduleInvalid({"schedule": TOO_MANY})
                row = TenantExtensionSchedule(
                    id=new_id(), install_id=install_id, tenant_id=tenant_id, created_at=now, updated_at=now, **values
                )
                session.add(row)
                await session.flush()
                await _audit(session, actor, "schedule.created", version, row, now, cron=row.cron, timezone=row.timezone)
                return _info(*await _row(session, tenant_id, install_id, row.id))
        except IntegrityError:
            raise ScheduleInvalid({"name": NAME_TAKEN}) from None

    async def update(self, tenant_id: str, install_id: str, schedule_id: str, *, actor: Actor | None = None, **fields: Any) -> ScheduleInfo:
        """Changes the fields that are given: `endpoint`, `cron`, `timezone`, `enabled`, `name` or `payload`; None clears the last two.

        Raises ScheduleError, ScheduleInvalid.
        """
        endpoint = fields.pop("endpoint", None)
        try:
            async with self._db.transaction() as session:
                version = await _version(session, tenant_id, install_id, lock=True)
                row, *_ = await _row(session, tenant_id, install_id, schedule_id)
                values = await self._checked(session, version, fields, endpoint)
                for name, value in values.items():
                    setattr(row, name, value)
                row.updated_at = self._now()
                await session.flush()
                await _audit(session, actor, "schedule.changed", version, row, row.updated_at, fields=sorted(values))
                return _info(*await _row(session, tenant_id, install_id, schedule_id))
        except IntegrityError:
            raise ScheduleInvalid({"name": NAME_TAKEN}) from None

    async def delete(self, tenant_id: str, install_id: str, schedule_id: str, *, actor: Actor | None = None) -> None:
        """Deletes a schedule. A run that is under way is completed; its history stays. Raises ScheduleError."""
        async with self._db.transaction() as session:
            version = await _version(session, tenant_id, install_id, lock=True)
            row, *_ = await _row(session, tenant_id, install_id, schedule_id)
            await _audit(session, actor, "schedule.deleted", version, row, self._now())
            await session.execute(delete(ScheduleCursor).where(ScheduleCursor.schedule_id == row.id))
            await session.delete(row)

    async def run_now(self, tenant_id: str, install_id: str, schedule_id: str, *, actor: Actor | None = None) -> RunInfo:
        """Adds a run that a scheduler starts at its next look, also of a disabled schedule. Raises ScheduleError."""
        now = self._now()
        async with self._db.transaction() as session:
            version = await _version(session, tenant_id, install_id, lock=True)
            row, *_ = await _row(session, tenant_id, install_id, schedule_id)
            recent = select(func.count()).where(
                ScheduleRun.tenant_id == tenant_id, ScheduleRun.cause == "manual", ScheduleRun.due_at > now - RUNS_NOW_WINDOW
            )
            if (await session.scalar(recent) or 0) >= MAX_RUNS_NOW:
                raise ScheduleError(
                    "schedule_run_rate", "Run-now rate limit exceeded (try again later).", hint=f"A tenant may run {MAX_RUNS_NOW} a minute."
                )
            run = ScheduleRun(
                id=new_id(),
                schedule_id=row.id,
                install_id=install_id,
                tenant_id=tenant_id,
                cause="manual",
                due_at=now,
                status="due",
                attempts=0,
                repeats=0,
                created_at=now,
            )
            session.add(run)
            await session.flush()
            await _audit(session, actor, "schedule.run", version, row, now, run_id=run.id)
            return run_info(run)

    async def history(
        self, tenant_id: str, install_id: str, schedule_id: str | None = None, *, limit: int | None = None, cursor: str | None = None
    ) -> RunPage:
        """The runs of a schedule, or of all of an install, the newest first; of deleted schedules too.

        Raises ScheduleError, and ValueError for an invalid cursor.
        """
        async with self._db.session() as session:
            await _version(session, tenant_id, install_id)
            return await read_history(session, tenant_id, install_id, schedule_id, limit=limit, cursor=cursor)

    async def get_run(self, tenant_id: str, install_id: str, run_id: str) -> RunInfo:
        """One run. Raises ScheduleError."""
        async with self._db.session() as session:
            run = None if as_uuid(run_id) is None else await session.get(ScheduleRun, run_id)
            if run is None or (run.tenant_id, run.install_id) != (tenant_id, install_id):
                raise ScheduleError("schedule_not_found", "There is no such run.")
            return run_info(run)

    async def _checked(
        self, session: AsyncSession, version: ExtensionVersion, given: dict[str, Any], endpoint: str | None
    ) -> dict[str, Any]:
        """The columns to write. Raises ScheduleInvalid with all that is wrong."""
        errors: dict[str, str] = {}
        values: dict[str, Any] = {}
        try:
            values = check_fields(given)
        except ScheduleInvalid as invalid:
            errors |= invalid.field_errors
        if endpoint is not None:
            try:
                found = choose_endpoint(await read_endpoints_of(session, version, self._now()), endpoint)
                values["endpoint_id"] = found.id
            except ValueError as error:
                errors["endpoint"] = str(error)
        if errors:
            raise ScheduleInvalid(errors)
        if "payload" in values:
            values["payload_json"] = values.pop("payload")
        return values


async def _installs_with_schedules(session: AsyncSession, tenant_id: str) -> list[tuple[TenantExtensionInstall, ExtensionRegistry]]:
    rows = await session.execute(
        select(TenantExtensionInstall, ExtensionRegistry)
        .join(ExtensionRegistry, ExtensionRegistry.id == TenantExtensionInstall.registry_id)
        .where(
            TenantExtensionInstall.tenant_id == tenant_id,
            IS_ENABLED,
            TenantExtensionInstall.id.in_(select(TenantExtensionSchedule.install_id).where(TenantExtensionSchedule.tenant_id == tenant_id)),
        )
        .order_by(ExtensionRegistry.publisher, ExtensionRegistry.name, TenantExtensionInstall.id)
    )
    return [(row[0], row[1]) for row in rows]


async def _audit(
    session: AsyncSession,
    actor: Actor | None,
    event: str,
    version: ExtensionVersion,
    row: TenantExtensionSchedule,
    now: datetime,
    **details: Any,
) -> None:
    if actor is None:
        return
    registry = await session.get_one(ExtensionRegistry, version.registry_id)
    record_audit(
        session,
        actor,
        event,
        resource_id=registry.id,
        resource_name=slug(registry.publisher, registry.name),
        now=now,
        schedule_id=row.id,
        schedule_name=row.name,
        **details,
    )


async def _version(session: AsyncSession, tenant_id: str, install_id: str, *, lock: bool = False) -> ExtensionVersion:
    """The installed version of an enabled install. With `lock`, changes of its schedules take turns. Raises ScheduleError."""
    found = None
    if as_uuid(install_id) is not None:
        install = select(TenantExtensionInstall).where(
            TenantExtensionInstall.id == install_id, TenantExtensionInstall.tenant_id == tenant_id, IS_ENABLED
        )
        row = await session.scalar(install.with_for_update() if lock else install)
        found = None if row is None else await session.get(ExtensionVersion, row.version_id)
    if found is None:
        raise ScheduleError("schedule_install_not_found", "Extension install not found.", hint="Is it installed and enabled?")
    return found


def _of_install(tenant_id: str, install_id: str) -> Select[TenantExtensionSchedule, str | None, str | None, datetime | None]:
    return (
        select(TenantExtensionSchedule, ExtensionApiEndpoint.method, ExtensionApiEndpoint.path, ScheduleCursor.next_due_at)
        .outerjoin(ExtensionApiEndpoint, ExtensionApiEndpoint.id == TenantExtensionSchedule.endpoint_id)
        .outerjoin(ScheduleCursor, ScheduleCursor.schedule_id == TenantExtensionSchedule.id)
        .where(TenantExtensionSchedule.tenant_id == tenant_id, TenantExtensionSchedule.install_id == install_id)
        .order_by(TenantExtensionSchedule.created_at, TenantExtensionSchedule.id)
    )


async def _row(session: AsyncSession, tenant_id: str, install_id: str, schedule_id: str) -> _Row:
    found = None
    if as_uuid(schedule_id) is not None:
        query = _of_install(tenant_id, install_id).where(TenantExtensionSchedule.id == schedule_id)
        found = (await session.execute(query)).first()
    if found is None:
        raise ScheduleError("schedule_not_found", "Schedule not found.", hint="The list of schedules has their ids.")
    return found[0], found[1], found[2], found[3]


def _info(row: TenantExtensionSchedule, method: str | None, path: str | None, next_due_at: datetime | None) -> ScheduleInfo:
    return ScheduleInfo(
        id=row.id,
        endpoint_path=path or "",
        endpoint_method=method or "",
        name=row.name,
        cron=row.cron,
        timezone=row.timezone,
        enabled=row.enabled,
        payload=row.payload_json,
        last_run_at=row.last_run_at,
        last_run_status=row.last_run_status,
        last_error=row.last_error,
        created_at=row.created_at,
        next_due_at=next_due_at if row.enabled else None,
    )
