"""Schedules on a real platform, SQLite and PostgreSQL: `python -m bench.schedules [--quick]`.

How many due schedules are started a second when many are due together, and how late a run starts when 10,000 schedules are due once an
hour, each at a minute of its own.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, insert, select

from bench.gateway.platforms import Running, extension, platform
from holdfast.registry.models.installs import ExtensionApiEndpoint, TenantExtensionInstall, TenantExtensionSchedule
from holdfast.schedules.tables import ScheduleCursor, SchedulerProcess, ScheduleRun
from tests.engine import toolchains
from tests.records.databases import SQLITE_FILE
from tests.records.postgres import PostgresServer, postgres_server
from tests.waiting import wait_until

QUICK = "--quick" in sys.argv
TOGETHER = 300 if QUICK else 2_000
SCHEDULES = 1_000 if QUICK else 10_000
MINUTES = 1 if QUICK else 3
MAX_DELAY_SECONDS = 2.0
ONCE_A_YEAR = "0 3 1 1 *"
_OPTIONS = {"synchronous_commit": "on", "autovacuum": "on", "shared_buffers": "128MB"}


def measure(folder: Path, server: PostgresServer | None, open_blocks: ExitStack) -> dict[str, Any]:
    """The measures on one database."""
    database = None if server is None else open_blocks.enter_context(server.empty())
    archive = extension(folder / "hello.tar.zst", toolchains.build("hello (QuickJS)"))
    # An access log line for each of thousands of calls is not what is measured.
    with platform(folder / "platform", archive, database=database, HOLDFAST_LOG_LEVEL="warning") as running:
        engine = create_engine(_sync_url(database, folder / "platform"))
        row = _schedule_of(engine, running)
        _add(engine, row, [ONCE_A_YEAR])
        wait_until(lambda: _select(engine, select(SchedulerProcess.executor_id)))
        result = {"started together": _together(engine, row), "due each minute": _late(engine, row)}
        engine.dispose()
    return result


def _together(engine: Engine, row: dict[str, Any]) -> dict[str, Any]:
    due = datetime.now(UTC)
    ids = _add(engine, row, [ONCE_A_YEAR] * TOGETHER, due=due)
    query = select(ScheduleRun.started_at, ScheduleRun.finished_at, ScheduleRun.status).where(ScheduleRun.due_at == due)
    wait_until(lambda: sum(one.finished_at is not None for one in _select(engine, query)) == len(ids))
    runs = _select(engine, query)
    assert {one.status for one in runs} == {"success"}
    seconds = (max(one.finished_at for one in runs) - due).total_seconds()
    return {"schedules": len(ids), "runs a second": round(len(ids) / seconds)}


def _late(engine: Engine, row: dict[str, Any]) -> dict[str, Any]:
    _add(engine, row, [f"{number % 60} * * * *" for number in range(SCHEDULES)])
    cursors = select(ScheduleCursor.schedule_id).where(ScheduleCursor.cron != ONCE_A_YEAR)
    wait_until(lambda: len(_select(engine, cursors)) == SCHEDULES)
    begin = datetime.now(UTC)
    end = begin.replace(second=0, microsecond=0) + timedelta(minutes=MINUTES)
    while datetime.now(UTC) < end + timedelta(seconds=20):
        time.sleep(0.5)
    query = select(ScheduleRun.due_at, ScheduleRun.started_at).where(ScheduleRun.due_at > begin, ScheduleRun.due_at <= end)
    delays = sorted((one.started_at - one.due_at).total_seconds() for one in _select(engine, query) if one.started_at is not None)
    expected = MINUTES * SCHEDULES // 60
    p99 = delays[int(len(delays) * 0.99)]
    return {
        "schedules": SCHEDULES,
        "runs": len(delays),
        "delay, median, ms": round(statistics.median(delays) * 1_000),
        "delay, p99, ms": round(p99 * 1_000),
        "within bounds": p99 < MAX_DELAY_SECONDS and len(delays) >= expected,
    }


def _schedule_of(engine: Engine, running: Running) -> dict[str, Any]:
    """The columns that all schedules of the measure share."""
    install = select(TenantExtensionInstall.id, TenantExtensionInstall.version_id).where(
        TenantExtensionInstall.registry_id == running.registry_id
    )
    ((install_id, version_id),) = _select(engine, install)
    endpoint_id = str(uuid.uuid4())
    now = datetime.now(UTC)
    found = _select(
        engine, select(ExtensionApiEndpoint.id).where(ExtensionApiEndpoint.version_id == version_id, ExtensionApiEndpoint.path == "/")
    )
    if found:
        endpoint_id = found[0].id
    else:
        endpoint = {"id": endpoint_id, "version_id": version_id, "method": "GET", "path": "/", "handler": "dist/main"}
        with engine.begin() as connection:
            connection.execute(insert(ExtensionApiEndpoint).values(endpoint | {"created_at": now, "updated_at": now}))
    return {
        **{"install_id": install_id, "tenant_id": running.tenant, "endpoint_id": endpoint_id, "timezone": "UTC", "enabled": True},
        **{"created_at": now, "updated_at": now},
    }


def _add(engine: Engine, row: dict[str, Any], crons: list[str], *, due: datetime | None = None) -> list[str]:
    """Adds a schedule for each expression, at once; with `due`, they are due then."""
    rows = [row | {"id": str(uuid.uuid4()), "cron": cron} for cron in crons]
    cursors = [{"schedule_id": one["id"], "cron": one["cron"], "timezone": "UTC", "enabled": True, "next_due_at": due} for one in rows]
    with engine.begin() as connection:
        connection.execute(insert(TenantExtensionSchedule), rows)
        if due is not None:
            connection.execute(insert(ScheduleCursor), cursors)
    return [one["id"] for one in rows]


def _select(engine: Engine, query: Any) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(query))


def _sync_url(database: str | None, folder: Path) -> str:
    if database is None:
        return f"sqlite:///{folder / 'data' / SQLITE_FILE}"
    return database.replace("postgresql://", "postgresql+psycopg://")


def main() -> None:
    result: dict[str, Any] = {}
    with postgres_server(_OPTIONS) as postgres:
        servers: dict[str, PostgresServer | None] = {"SQLite": None, "PostgreSQL": postgres}
        for kind, server in servers.items():
            sys.stderr.write(f"  {kind} ...\n")
            with tempfile.TemporaryDirectory() as folder, ExitStack() as open_blocks:
                result[kind] = measure(Path(folder), server, open_blocks)
    print(json.dumps({"quick": QUICK, "measured": {"schedules": result}}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
