"""The one writer of a process on SQLite: batches, turns, and what happens when the file cannot be written to."""

from __future__ import annotations

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.records.database.database import Database
from holdfast.records.database.hot_transaction import HotTransaction
from holdfast.records.database.sqlite import writer
from holdfast.records.database.sqlite.hot_path import SqliteHotPath
from holdfast.records.models.users import Role
from tests.error_codes import rejected
from tests.records.database.roles import adding, role_names
from tests.records.databases import SQLITE_FILE, TENANT, migrated
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / SQLITE_FILE


@pytest.fixture
async def db(file: Path) -> AsyncIterator[Database]:
    async with migrated(file.parent) as database:
        yield database


def writer_of(db: Database) -> SqliteHotPath:
    hot = db._hot
    assert isinstance(hot, SqliteHotPath)
    return hot


async def pass_turns() -> None:
    """Lets everything run that can."""
    for _ in range(200):
        await asyncio.sleep(0)


@pytest.fixture
def no_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch takes every job that waits, however slow the machine is."""
    monkeypatch.setattr(writer, "_MAX_BATCH_SECONDS", MAX_WAIT_SECONDS)


@pytest.mark.usefixtures("no_time_limit")
async def test_jobs_that_are_queued_together_are_committed_together(db: Database) -> None:
    await asyncio.gather(*(db.write(adding(f"role {number}")) for number in range(50)))
    assert writer_of(db).writer.commits == 1
    assert len(await role_names(db)) == 50


@pytest.mark.usefixtures("no_time_limit")
async def test_a_job_that_fails_is_rolled_back_alone(db: Database) -> None:
    async def fail(tx: HotTransaction) -> None:
        await adding("ghost")(tx)
        raise RuntimeError("halfway")

    done = await asyncio.gather(db.write(adding("a")), db.write(fail), db.write(adding("b")), return_exceptions=True)
    assert [type(outcome) for outcome in done] == [type(None), RuntimeError, type(None)]
    assert await role_names(db) == ["a", "b"]
    assert writer_of(db).writer.commits == 1


async def test_a_job_that_awaits_something_else_is_refused_and_leaves_nothing(db: Database) -> None:
    async def wait(tx: HotTransaction) -> None:
        await adding("ghost")(tx)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="awaited something else"):
        await db.write(wait)
    await db.write(adding("real"))
    assert await role_names(db) == ["real"]


async def test_a_job_that_is_cancelled_before_it_starts_is_dropped(db: Database) -> None:
    async with db.transaction():
        task = asyncio.create_task(db.write(adding("dropped")))
        await pass_turns()
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await db.write(adding("kept"))
    assert await role_names(db) == ["kept"]


async def test_transactions_of_the_orm_and_jobs_take_turns(db: Database) -> None:
    async with db.transaction() as session:
        session.add(Role(tenant=TENANT, role_name="orm"))
        await session.flush()
        job = asyncio.create_task(db.write(adding("job")))
        other = asyncio.create_task(db.write(adding("orm")))
        await pass_turns()
        assert not job.done()
    await job
    # The second job saw what the transaction had written.
    assert "UNIQUE" in str((await asyncio.gather(other, return_exceptions=True))[0])
    assert await role_names(db) == ["job", "orm"]


async def test_a_transaction_inside_another_one_is_named_instead_of_waiting_for_itself(db: Database) -> None:
    async with db.transaction() as session:
        with rejected("database_busy", match="inside another one"):
            async with db.transaction():
                pass
        with rejected("database_busy", match="inside another one"):
            await db.write(adding("nested"))
        session.add(Role(tenant=TENANT, role_name="outer"))
    assert await role_names(db) == ["outer"]


async def test_reading_jobs_cannot_write(db: Database) -> None:
    with pytest.raises(Exception, match="readonly"):
        await db.read(adding("ghost"))
    assert await role_names(db) == []


async def test_a_program_that_does_not_know_the_lock_file_is_waited_for_without_blocking_the_loop(db: Database, file: Path) -> None:
    stranger = sqlite3.connect(file, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    task = asyncio.create_task(db.write(adding("patient")))
    # This would not go on if the writer slept in the busy handler.
    await pass_turns()
    assert not task.done()
    stranger.execute("COMMIT")
    stranger.close()
    await task
    assert await role_names(db) == ["patient"]


async def test_a_database_that_stays_locked_is_an_error_for_those_who_wait_and_the_writer_goes_on(db: Database, file: Path) -> None:
    hot = SqliteHotPath(str(file), durable=False, max_wait_seconds=0.05)
    stranger = sqlite3.connect(file, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    done = await asyncio.gather(hot.write(adding("a")), hot.write(adding("b")), return_exceptions=True)
    assert [getattr(error, "code", None) for error in done] == ["database_busy", "database_busy"]
    with rejected("database_busy"):
        async with writer_of(db).turn(), hot.turn():
            pass
    stranger.execute("ROLLBACK")
    stranger.close()
    await hot.write(adding("c"))
    await hot.close()
    assert await role_names(db) == ["c"]


async def test_a_file_that_is_removed_is_an_error_and_found_again(db: Database, file: Path) -> None:
    await db.write(adding("before"))
    aside = file.with_name("aside.db")
    for name in ("", "-wal", "-shm"):
        file.with_name(f"{file.name}{name}").rename(f"{aside}{name}")
    for refused in (db.write(adding("lost")), db.read(adding("lost"))):
        with rejected("database_unreachable", match="removed or replaced"):
            await refused
    for opened in (db.session(), db.transaction()):
        with rejected("database_unreachable", match="removed or replaced"):
            async with opened:
                pass
    assert not file.exists()
    for name in ("", "-wal", "-shm"):
        if (left := aside.with_name(f"{aside.name}{name}")).exists():
            left.rename(f"{file}{name}")
    await db.write(adding("after"))
    assert await role_names(db) == ["after", "before"]


async def test_a_file_that_is_replaced_is_the_database_from_then_on(db: Database, file: Path, tmp_path: Path) -> None:
    await db.write(adding("old"))
    async with migrated(tmp_path / "other") as other:
        await other.write(adding("new"))
    for end in ("-wal", "-shm"):
        file.with_name(f"{file.name}{end}").unlink(missing_ok=True)
    (tmp_path / "other" / SQLITE_FILE).replace(file)
    assert await role_names(db) == ["new"]
    async with db.transaction() as session:
        session.add(Role(tenant=TENANT, role_name="newer"))
    await db.write(adding("newest"))
    assert await role_names(db) == ["new", "newer", "newest"]


_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from holdfast.records.database.database import Database
from tests.records.database.roles import adding, role_names

async def main(file):
    db = Database(f"sqlite:///{file}")
    await db.write(adding("before"))
    soft = max(Path(f"{file}{end}").stat().st_size for end in ("", "-wal"))
    # A file that cannot grow is what a full disk looks like.
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, resource.RLIM_INFINITY))
    jobs = [db.write(adding(f"lost {number}" + "x" * 200)) for number in range(3_000)]
    outcomes = await asyncio.gather(*jobs, return_exceptions=True)
    failed = {getattr(outcome, "code", repr(outcome)) for outcome in outcomes if outcome is not None}
    written = sum(outcome is None for outcome in outcomes)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert len(await role_names(db)) == 1 + written, "an acknowledged write was lost, or a failed one kept"
    await db.write(adding("after"))
    assert len(await role_names(db)) == 2 + written
    await db.close()
    print(failed)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.process
async def test_a_full_disk_is_an_error_for_what_was_not_written_and_the_writer_goes_on_with_space(db: Database, file: Path) -> None:
    done = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", _FULL_DISK, str(file)], capture_output=True, text=True, timeout=MAX_WAIT_SECONDS
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() in ("{'database_full'}", "{'database_unreachable'}"), done.stdout


@pytest.mark.usefixtures("no_time_limit")
async def test_with_durability_power_commits_wait_for_the_disk_and_still_batch(db: Database, file: Path) -> None:
    durable = Database(db.url, durability="power")
    hot = writer_of(durable)
    await asyncio.gather(*(durable.write(adding(f"role {number}")) for number in range(20)))
    assert hot.writer.commits == 1
    async with durable.transaction() as session:
        assert (await (await session.connection()).exec_driver_sql("PRAGMA synchronous")).scalar() == 2
    await asyncio.gather(*(durable.write(adding(f"more {number}")) for number in range(20)))
    await durable.close()
    assert len(await role_names(db)) == 40
