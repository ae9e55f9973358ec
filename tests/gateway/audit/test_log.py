"""The audit log: one durable row a call, written in batches, whatever happens to the database and to callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from holdfast.gateway.audit import AuditLog
from holdfast.records.database.database import Database
from holdfast.records.database.sqlite import writer
from tests.error_codes import rejected
from tests.gateway.audit.calls import REGISTRY, USER, VERSION, commits, rows, start
from tests.records.databases import SQLITE_FILE, TENANT
from tests.records.postgres import PostgresServer
from tests.waiting import MAX_WAIT_SECONDS, until


@pytest.fixture
async def log(db: Database) -> AsyncIterator[AuditLog]:
    audit = AuditLog(db)
    yield audit
    await audit.close()


@pytest.fixture
def no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch of SQLite takes every job that waits, however slow the machine is."""
    monkeypatch.setattr(writer, "_MAX_BATCH_SECONDS", MAX_WAIT_SECONDS)


async def test_start_and_end_of_a_call_are_one_row(db: Database, log: AuditLog) -> None:
    row = await start(log)
    (begun,) = await rows(db)
    assert (begun.status, begun.finished_at, begun.error, begun.started_at) == ("started", None, None, row.started_at)
    assert (begun.tenant_id, begun.registry_id, begun.version_id, begun.request_id) == (TENANT, REGISTRY, VERSION, "r-1")
    wanted = {"method": "GET", "path": "/notes/7", "endpoint_template": "/notes/:id", "principal_kind": "msp", "user_id": USER}
    assert begun.metrics == wanted

    log.finish(row, status="upstream_error", http_status=404, error="extension_error_status")
    assert await log.flush()
    (ended,) = await rows(db)
    assert ended.finished_at is not None and ended.metrics is not None
    assert (ended.id, ended.status, ended.error) == (begun.id, "upstream_error", "extension_error_status")
    assert ended.metrics == {**wanted, "http_status": 404, "duration_ms": ended.metrics["duration_ms"]}


async def test_an_end_is_written_without_another_call(db: Database, log: AuditLog) -> None:
    log.finish(await start(log), status="ok", http_status=200, error=None)
    statuses: list[str] = []
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while statuses != ["ok"]:
            await asyncio.sleep(0.05)
            statuses = [row.status for row in await rows(db)]


@pytest.mark.usefixtures("no_time_limit")
async def test_rows_of_calls_that_run_together_are_committed_together(db: Database, log: AuditLog) -> None:
    before = await commits(db)
    begun = await asyncio.gather(*(start(log, f"r-{number:02}") for number in range(40)))
    # While the first commit is under way, the others collect.
    assert await commits(db) - before <= 2
    for row in begun:
        log.finish(row, status="ok", http_status=200, error=None)
    await asyncio.gather(start(log, "r-99"), log.flush())
    assert [row.status for row in await rows(db)] == ["ok"] * 40 + ["started"]
    assert await commits(db) - before <= 4


async def test_a_row_that_cannot_be_written_takes_no_other_with_it(db: Database, log: AuditLog) -> None:
    unwritable = "\ud800"
    done = await asyncio.gather(start(log, "a"), start(log, unwritable), start(log, "b"), return_exceptions=True)
    assert [getattr(outcome, "code", None) for outcome in done] == [None, "access_policy_unavailable", None]
    assert [row.request_id for row in await rows(db)] == ["a", "b"]


async def test_a_call_whose_caller_left_while_its_row_was_written_has_an_end(db: Database, log: AuditLog) -> None:
    first = asyncio.create_task(start(log, "a"))
    await asyncio.sleep(0)
    second = asyncio.create_task(start(log, "b"))
    await asyncio.sleep(0)
    for task in (first, second):
        task.cancel()
    await asyncio.wait([first, second])
    assert await log.flush()
    await start(log, "c")
    ended = [(row.status, row.error) for row in await rows(db) if row.request_id != "c"]
    assert set(ended) <= {("error", "cancelled")}


async def test_a_long_request_id_is_cut(db: Database, log: AuditLog) -> None:
    await start(log, "r" * 5_000)
    assert [row.request_id for row in await rows(db)] == ["r" * 255]


@asynccontextmanager
async def outage(db: Database, database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[None]:
    """The database cannot be used during the block."""
    if db.is_sqlite:
        file = tmp_path / SQLITE_FILE
        file.rename(tmp_path / "aside.db")
        yield
        (tmp_path / "aside.db").rename(file)
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name, administration = database_url.rpartition("/")[2], server.url("postgres")
    await asyncio.to_thread(server.psql, administration, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    end = f"SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = '{name}'"
    await asyncio.to_thread(server.psql, administration, end)
    yield
    await asyncio.to_thread(server.psql, administration, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")


async def test_while_the_database_is_away_no_call_begins_and_the_newest_ends_are_kept(
    db: Database, database_url: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    log = AuditLog(db, max_kept_ends=3)
    begun = [await start(log, f"r-{number}") for number in range(5)]
    with capture_logs() as lines:
        async with outage(db, database_url, tmp_path, request):
            for row in begun:
                log.finish(row, status="ok", http_status=200, error=None)
            with rejected("access_policy_unavailable"):
                await start(log, "refused")
            assert not await log.flush()
        # It tries again by itself, and says what it dropped.
        await until(lambda: [line["count"] for line in lines if line["event"] == "audit_ends_dropped"] == [2])
    assert [row.status for row in await rows(db)] == ["started", "started", "ok", "ok", "ok"]
    await start(log, "r-5")
    await log.close()


async def test_more_ends_than_a_batch_are_all_written(db: Database) -> None:
    log = AuditLog(db)
    begun = await asyncio.gather(*(start(log, f"r-{number:03}") for number in range(600)))
    for row in begun:
        log.finish(row, status="ok", http_status=200, error=None)
    await log.close()
    assert {row.status for row in await rows(db)} == {"ok"}


async def test_close_writes_what_waits(db: Database) -> None:
    log = AuditLog(db)
    log.finish(await start(log), status="timeout", http_status=504, error="timeout")
    await log.close()
    assert [(row.status, row.error) for row in await rows(db)] == [("timeout", "timeout")]
