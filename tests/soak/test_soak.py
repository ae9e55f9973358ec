"""Two minutes, with start and end, of mixed traffic, while everything that the platform depends on is stopped and started in turn."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from tests.bundles.s3_server import make_bucket, s3_process
from tests.cli.command_runner import Platform, json_result, run
from tests.events.redis_process import redis_process
from tests.records.postgres import postgres_server
from tests.session.effort import repetitions
from tests.soak.installed import Command, install_all
from tests.soak.outages import Outage, outages
from tests.soak.traffic import Seen, Target, Traffic
from tests.waiting import MAX_WAIT_SECONDS, until

SECONDS = repetitions(85, long=1_800)
CALLERS = 8
ANSWERS_BETWEEN = 100
"""So many responses come while a part is down, and so many successes after it is back, before the next one stops."""


def _command(folder: Path, variables: dict[str, str]) -> Command:
    def command(*arguments: str | Path) -> dict[str, Any]:
        return json_result(run(*arguments, "--json", "--data-dir", folder / "data", cwd=folder, **variables))  # type: ignore[arg-type]

    return command


@pytest.mark.slow
@pytest.mark.long
async def test_every_request_is_answered_and_nothing_confirmed_is_lost(tmp_path: Path) -> None:
    # What the server confirmed is written: it is killed, not switched off.
    with (
        postgres_server({"synchronous_commit": "on"}) as postgres,
        postgres.empty() as database,
        redis_process(tmp_path) as redis,
        s3_process(tmp_path) as store,
    ):
        variables = {
            "DATABASE_URL": database,
            "BUNDLE_STORE_BASE": make_bucket(store.origin, "extensions"),
            "S3_ACCESS_KEY": "the-key",
            "S3_SECRET_KEY": "the-secret",
            "S3_REGION": "us-east-1",
            "RUNNER_DEBUG_REDIS_URL": redis.url,
            "HOLDFAST_CALLS_PER_INSTALL": "64",
        }
        options: dict[str, Any] = variables
        with Platform(tmp_path, **options) as platform:
            ready = platform.ready()
            targets = await asyncio.to_thread(install_all, tmp_path, _command(tmp_path, variables))
            trash = tmp_path / "trash"
            trash.mkdir()
            parts = outages(platform, postgres, redis, store, trash)
            traffic = Traffic(ready["console"], targets, callers=CALLERS, seed=int(os.environ.get("HOLDFAST_SOAK_SEED", "1")))
            try:
                await _interrupt_in_turn(parts, traffic.seen)
            finally:
                seen = await traffic.stop()
            print(f"statuses {dict(seen.statuses)}, codes {dict(seen.codes)}")
            assert not seen.unanswered, seen.unanswered[:5]
            assert not seen.wrong, seen.wrong[:5]
            await _check_written(ready["console"], seen.written)
            await _check_audit_rows(database, seen)


async def _interrupt_in_turn(parts: list[Outage], seen: Seen) -> None:
    """At least once each, then until the time is over."""
    end = time.monotonic() + SECONDS
    await _more(lambda: seen.statuses[200], ANSWERS_BETWEEN, seen)
    rounds = 0
    while rounds == 0 or time.monotonic() < end:
        for part in parts:
            await asyncio.to_thread(part.stop)
            await _more(lambda: sum(seen.statuses.values()), ANSWERS_BETWEEN, seen)
            await asyncio.to_thread(part.start)
            await _more(lambda: seen.statuses[200], ANSWERS_BETWEEN, seen)
        rounds += 1


async def _more(count: Callable[[], int], more: int, seen: Seen) -> None:
    wanted = count() + more
    await until(lambda: count() >= wanted, lambda: f"{seen.statuses}, {seen.codes}, wrong: {seen.wrong[:3]}")


async def _check_written(origin: str, written: list[tuple[Target, str]]) -> None:
    """Every write that was confirmed can be read, through the API as any caller would."""
    async with httpx2.AsyncClient(base_url=origin, trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
        for target, key in written:
            response = await client.get(f"/api/ext/{target.registry_id}/records/{key}", headers={"x-api-key": target.api_key})
            assert response.status_code == 200 and response.json()["stored"] == key, response.text


async def _check_audit_rows(database: str, seen: Seen) -> None:
    """Every answered call has exactly one row, which says how it ended."""
    url = database.replace("postgresql+psycopg", "postgresql")

    def rows() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        with psycopg.connect(url) as connection:
            for request_id, status in connection.execute("SELECT request_id, status FROM extension_execution_log"):
                found.setdefault(request_id, []).append(status)
        return found

    found = await asyncio.to_thread(rows)
    assert Counter(seen.answered).most_common(1)[0][1] == 1
    lost = [request_id for request_id in seen.answered if len(found.get(request_id, [])) != 1]
    assert not lost, lost[:5]
    # The ends are written in batches, the last ones after the response.
    await until(lambda: not _without_end(seen, rows()), lambda: f"without an end: {_without_end(seen, rows())[:5]}")


def _without_end(seen: Seen, found: dict[str, list[str]]) -> list[str]:
    return [f"{request_id}: {found[request_id]}" for request_id in seen.answered if found[request_id] != ["ok"]]
