"""Schedulers that are killed again and again: every due time has one outcome, and nothing runs twice on a runner that lives."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from starlette.responses import JSONResponse, Response

from tests.events.recording_server import Recorded
from tests.gateway.platform import Platform
from tests.records.databases import on_sqlite
from tests.schedules.schedulers import add_due, all_runs, kill, schedulers, wait_until_over
from tests.session.effort import repetitions
from tests.waiting import until

SCHEDULES = repetitions(24, long=300)
KILLS = repetitions(4, long=60)


def has_executed(executions: Counter[str], count: int) -> bool:
    return sum(executions.values()) >= count


@pytest.mark.process
async def test_every_due_time_has_one_outcome_and_runs_once_while_schedulers_are_killed(platform: Platform) -> None:
    executions: Counter[str] = Counter()

    async def execute(request: Recorded) -> Response:
        key = request.header("x-idempotency-key")
        assert key is not None
        executions[key] += 1
        await asyncio.sleep(random.random() / 5)
        return JSONResponse({"status": 200, "headers": {}, "body_b64": None, "error": None})

    platform.runner.answer = execute
    due = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    async with schedulers(platform) as started:
        children = [await started.start(), await started.start()]
        for round_ in range(KILLS):
            await add_due(platform, SCHEDULES // KILLS, due=due - timedelta(seconds=round_))
            expected = sum(executions.values()) + random.randint(1, 3)
            # A kill in the middle of the work, or of the start.
            await until(partial(has_executed, executions, expected))
            kill(children[round_ % 2])
        await wait_until_over(platform.db, SCHEDULES // KILLS * KILLS)
    runs = await all_runs(platform.db)
    assert {run.status for run in runs} == {"success"}
    assert len({(run.schedule_id, run.due_at) for run in runs}) == len(runs)
    # Each run made one attempt, and the runner, which lived all the time, executed each once.
    assert [run.attempts for run in runs] == [1] * len(runs)
    assert sorted(executions.values()) == [1] * len(runs)
    assert {run.repeats for run in runs} == {0}


@pytest.mark.process
async def test_a_failed_attempt_is_repeated_with_the_same_key_by_another_scheduler(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, str]] = []

    def execute(request: Recorded) -> Response:
        key = request.header("x-idempotency-key")
        assert key is not None
        calls.append((request.json["http"]["headers"]["x-idempotency-key"], key))
        status = 500 if len(calls) == 1 else 200
        return JSONResponse({"status": status, "headers": {}, "body_b64": None, "error": None})

    platform.runner.answer = execute
    await add_due(platform, 1, due=datetime.now(UTC) - timedelta(seconds=1))
    async with schedulers(platform) as started:
        first = await started.start()
        await until(lambda: len(calls) == 1)
        kill(first)
        await wait_until_over(platform.db, 1)
    (run,) = await all_runs(platform.db)
    assert (run.status, run.attempts, run.http_status) == ("success", 2, 200)
    assert [key for key, _ in calls] == [run.id, run.id]
    assert calls[0][1] != calls[1][1]


@on_sqlite
@pytest.mark.process
async def test_a_call_whose_scheduler_and_gateway_are_killed_is_sent_again_and_the_run_counts_it(platform: Platform) -> None:
    calls: list[tuple[str | None, str]] = []
    released = asyncio.Event()

    async def execute(request: Recorded) -> Response:
        calls.append((request.header("x-idempotency-key"), request.json["http"]["headers"]["x-idempotency-key"]))
        if len(calls) == 1:
            await released.wait()
        return JSONResponse({"status": 200, "headers": {}, "body_b64": None, "error": None})

    platform.runner.answer = execute
    await add_due(platform, 1, due=datetime.now(UTC) - timedelta(seconds=1))
    try:
        async with schedulers(platform) as started:
            first = await started.start()
            await until(lambda: calls)
            kill(first)
            await end_background_calls(platform)
            await wait_until_over(platform.db, 1)
    finally:
        # The server of the runner ends when its responses have.
        released.set()
    (run,) = await all_runs(platform.db)
    assert (run.status, run.attempts, run.repeats) == ("success", 1, 1)
    # With one key for the runner too: one that lives and has the response repeats it.
    assert calls[0] == calls[1] and len(calls) == 2


async def end_background_calls(platform: Platform) -> None:
    """What the end of a gateway leaves: attempts without a result. The gateway that follows comes when no call can still run."""
    services = platform.services
    ended = services.background
    services.now = lambda: datetime.now(UTC) + timedelta(hours=1)
    del services.background
    await ended.close()
