"""How runs end, with real scheduler processes: every outcome is recorded, and the list of schedules shows the last one."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, update
from starlette.responses import JSONResponse, Response

from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.engine.executors import claim_dead, register, renew, stop
from holdfast.schedules.tables import ScheduleRun
from tests.events.recording_server import Recorded
from tests.gateway.platform import Platform
from tests.records.databases import TENANT, on_sqlite
from tests.schedules.schedulers import add_due, all_runs, schedulers, wait_until_over
from tests.waiting import MAX_WAIT_SECONDS, until

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
LEASE = timedelta(seconds=15)


def ok(status: int = 200) -> JSONResponse:
    return JSONResponse({"status": status, "headers": {}, "body_b64": None, "error": None})


async def change(platform: Platform, schedule_id: str, **values: Any) -> None:
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionSchedule).where(TenantExtensionSchedule.id == schedule_id).values(values))


async def ends(platform: Platform) -> dict[str, tuple[str, int, str | None]]:
    """Status, attempts and error of the run of each schedule."""
    return {run.schedule_id: (run.status, run.attempts, run.error) for run in await all_runs(platform.db)}


@pytest.mark.process
async def test_each_end_is_recorded_with_its_reason(platform: Platform) -> None:
    """One scheduler, and schedules that end in different ways."""
    due = datetime.now(UTC) - timedelta(seconds=1)
    good, failing, wrong, disabled, deleted, gone, flaky = await add_due(platform, 7, due=due)
    bodies = {good: 200, failing: 500, wrong: 404, flaky: 503}
    for schedule_id, status in bodies.items():
        await change(platform, schedule_id, payload_json={"status": status})
    seen: list[int] = []

    def execute(request: Recorded) -> Response:
        body = request.json["http"].get("body_b64")
        assert body, "schedules without a payload are not called"
        status = next(status for status in bodies.values() if str(status) in _decoded(body))
        seen.append(status)
        return ok(200 if status == 503 and seen.count(503) > 1 else status)

    platform.runner.answer = execute
    async with platform.db.transaction() as session:
        # A run that is claimed: what happens to its schedule before it starts.
        for schedule_id in (disabled, deleted, gone):
            row = await session.get_one(TenantExtensionSchedule, schedule_id)
            session.add(_run(row, due))
        await session.execute(
            update(TenantExtensionSchedule).where(TenantExtensionSchedule.id == gone).values(endpoint_id=platform.installed.install_id)
        )
        await session.execute(delete(TenantExtensionSchedule).where(TenantExtensionSchedule.id == deleted))
        await session.execute(update(TenantExtensionSchedule).where(TenantExtensionSchedule.id == disabled).values(enabled=False))
    async with schedulers(platform) as started:
        await started.start()
        await wait_until_over(platform.db, 7)
    assert await ends(platform) == {
        good: ("success", 1, None),
        failing: ("error", 3, "Runner returned status 500"),
        wrong: ("error", 1, "Runner returned status 404"),
        flaky: ("success", 2, None),
        disabled: ("skipped", 0, "The schedule is disabled."),
        deleted: ("skipped", 0, "The schedule was deleted."),
        gone: ("error", 0, "Schedule endpoint not found; disabling schedule"),
    }
    shown = {one.id: one for one in await platform.services.schedules.list_schedules(TENANT, platform.installed.install_id)}
    assert (shown[good].last_run_status, shown[good].last_error) == ("success", None)
    assert (shown[failing].last_run_status, shown[failing].last_error) == ("error", "Runner returned status 500")
    # A schedule that cannot run any more is disabled; one that was skipped shows no run.
    assert (shown[gone].enabled, shown[gone].last_run_status) == (False, "error")
    assert shown[disabled].last_run_at is None


def _decoded(body_b64: str) -> str:
    return base64.b64decode(body_b64).decode()


def _run(schedule: TenantExtensionSchedule, due: datetime) -> ScheduleRun:
    return ScheduleRun(
        id=schedule.id,
        schedule_id=schedule.id,
        install_id=schedule.install_id,
        tenant_id=schedule.tenant_id,
        cause="schedule",
        due_at=due,
        status="due",
        created_at=due - timedelta(hours=1),
    )


@on_sqlite
@pytest.mark.process
async def test_a_schedule_runs_once_at_a_time_and_what_comes_meanwhile_is_skipped(platform: Platform) -> None:
    released = asyncio.Event()

    async def execute(_: Recorded) -> Response:
        await released.wait()
        return ok()

    platform.runner.answer = execute
    (schedule_id,) = await add_due(platform, 1, due=datetime.now(UTC) - timedelta(seconds=1))
    async with schedulers(platform) as started:
        await started.start()
        await until(lambda: platform.runner.requests)
        second = await platform.services.schedules.run_now(TENANT, platform.installed.install_id, schedule_id)
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while (await platform.services.schedules.get_run(TENANT, platform.installed.install_id, second.id)).status == "due":
                await asyncio.sleep(0.05)
        released.set()
        await wait_until_over(platform.db, 2)
    by_cause = {run.cause: (run.status, run.error) for run in await all_runs(platform.db)}
    assert by_cause == {"schedule": ("success", None), "manual": ("skipped", "An earlier run of the schedule was not over.")}
    assert len(platform.runner.requests) == 1


@on_sqlite
@pytest.mark.process
async def test_a_run_by_hand_does_not_wait_until_all_that_is_due_is_through(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    backlog = 60
    asked = asyncio.Event()

    async def execute(_: Recorded) -> Response:
        await asked.wait()
        return ok()

    platform.runner.answer = execute
    monkeypatch.setenv("HOLDFAST_SCHEDULER_CALLS_AT_ONCE", "2")
    by_hand = await platform.services.schedules.create(TENANT, platform.installed.install_id, endpoint="POST /notes", cron="0 3 1 1 *")
    schedule_ids = await add_due(platform, backlog, due=datetime.now(UTC) - timedelta(seconds=1))
    async with schedulers(platform) as started:
        try:
            await started.start()
            await until(lambda: platform.runner.requests)
            await platform.services.schedules.run_now(TENANT, platform.installed.install_id, by_hand.id)
        finally:
            asked.set()
        await wait_until_over(platform.db, backlog + 1)
    called = [request.json["context"]["schedule_id"] for request in platform.runner.requests]
    assert sorted(called) == sorted([*schedule_ids, by_hand.id])
    assert called.index(by_hand.id) < backlog / 2


@on_sqlite
@pytest.mark.process
async def test_a_gateway_that_is_away_costs_no_attempt(platform: Platform) -> None:
    await add_due(platform, 1, due=datetime.now(UTC) - timedelta(seconds=1))
    async with schedulers(platform) as started:
        started.gateway_is_away()
        await started.start()
        async with asyncio.timeout(MAX_WAIT_SECONDS):
            while [run.status for run in await all_runs(platform.db)] != ["running"]:
                await asyncio.sleep(0.05)
        await started.gateway_is_back()
        await wait_until_over(platform.db, 1)
    (run,) = await all_runs(platform.db)
    assert (run.status, run.attempts, run.repeats) == ("success", 1, 0)
    assert len(platform.runner.requests) == 1


async def test_one_living_scheduler_adopts_the_runs_of_a_dead_one(platform: Platform) -> None:
    db = platform.db
    for name, seen in (("dead", NOW - LEASE - timedelta(seconds=1)), ("alive", NOW), ("third", NOW)):
        await register(db, name, seen)
    claimed = await asyncio.gather(claim_dead(db, "alive", NOW, LEASE), claim_dead(db, "third", NOW, LEASE))
    assert sorted(claimed) == [[], ["dead"]]
    assert await claim_dead(db, "third", NOW, LEASE) == []
    # The dead one was only slow: it learns that it must not run on.
    assert await renew(db, "dead", NOW) is False
    assert await renew(db, "alive", NOW) is True
    # After a clean stop no lease has to run out. What the stopped one adopted, it may not have continued.
    adopter, other = ("alive", "third") if claimed[0] == ["dead"] else ("third", "alive")
    await stop(db, adopter, NOW)
    assert sorted(await claim_dead(db, other, NOW, LEASE)) == sorted([adopter, "dead"])
    assert await claim_dead(db, other, NOW, LEASE) == []
