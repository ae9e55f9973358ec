"""`GET /api/health`: what it reports while a part is away."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text, update

from holdfast.gateway.runners import RunnerClient
from holdfast.gateway.services.health_check import CACHE_SECONDS
from holdfast.records.database.columns import utc_now
from holdfast.registry.models.installs import TenantExtensionSchedule
from holdfast.schedules.engine.executors import register, stop
from tests.events.recording_server import free_port
from tests.events.redis_process import redis_process
from tests.gateway.platform import Platform
from tests.gateway.platform import platform as running_platform
from tests.records.databases import TENANT
from tests.records.postgres import postgres_server
from tests.waiting import until

HEALTHY = {"status": "ok", "database": "ok", "runner": "ok", "store": "ok", "audit": "ok", "changes": "ok", "schedules": "ok"}
WITHOUT_DATABASE = {"status": "unavailable", "database": "unreachable", "changes": "unknown", "schedules": "unreachable"}


async def health(platform: Platform) -> tuple[int, dict[str, Any]]:
    """Status and body of a result that is not cached."""
    platform.seconds.value += CACHE_SECONDS
    response = await platform.http.get("/api/health")
    return response.status_code, response.json()


async def test_health_names_each_part(platform: Platform) -> None:
    assert await health(platform) == (200, HEALTHY)
    assert platform.runner.requests[0].path == "/healthz"


async def test_health_supports_head(platform: Platform) -> None:
    assert (await platform.http.head("/api/health")).status_code == 200


async def test_a_result_is_used_for_a_second_by_all_callers(platform: Platform) -> None:
    platform.seconds.value += CACHE_SECONDS
    responses = await asyncio.gather(*(platform.http.get("/api/health") for _ in range(5)))
    assert [response.json() for response in responses] == [HEALTHY] * 5
    assert len(platform.runner.requests) == 1
    platform.seconds.value += CACHE_SECONDS / 2
    platform.runner.reply({}, 503)
    assert (await platform.http.get("/api/health")).json() == HEALTHY
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "runner": "unreachable"})


async def test_a_missing_runner_does_not_make_the_gateway_unhealthy(platform: Platform) -> None:
    platform.runner.reply({}, 503)
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "runner": "unreachable"})


async def test_one_of_several_runners_is_missing(tmp_path: Path) -> None:
    async with running_platform(tmp_path) as platform:
        elsewhere = f"{platform.runner.url}, http://127.0.0.1:{free_port()}"
        await platform.services.runner.close()
        platform.services.runner = RunnerClient(elsewhere, "token")
        assert await health(platform) == (200, HEALTHY | {"status": "degraded", "runner": "degraded"})


async def test_a_store_that_cannot_be_used_is_reported(platform: Platform) -> None:
    bundles = platform.folder / "bundles"
    shutil.rmtree(bundles)
    bundles.write_text("not a folder")
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "store": "unreachable"})
    bundles.unlink()
    assert await health(platform) == (200, HEALTHY)


async def test_an_audit_log_that_cannot_be_written_is_reported_until_it_can(platform: Platform) -> None:
    headers = await platform.admin()
    url = f"/api/ext/{platform.installed.registry_id}/notes"
    await _execute(platform, "ALTER TABLE extension_execution_log RENAME TO elsewhere")
    assert (await platform.http.get(url, headers=headers)).status_code == 503
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "audit": "failing"})
    await _execute(platform, "ALTER TABLE elsewhere RENAME TO extension_execution_log")
    assert (await platform.http.get(url, headers=headers)).status_code == 200
    assert await health(platform) == (200, HEALTHY)


async def test_schedules_for_which_no_scheduler_runs_are_reported(platform: Platform) -> None:
    install_id = platform.installed.install_id
    schedule = await platform.services.schedules.create(TENANT, install_id, endpoint="POST /notes", cron="0 * * * *")
    # The platform has a moment to start a scheduler.
    assert await health(platform) == (200, HEALTHY)
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionSchedule).values(updated_at=utc_now() - timedelta(minutes=5)))
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "schedules": "stopped"})
    lease = timedelta(seconds=platform.services.settings.scheduler_lease_seconds)
    await register(platform.db, "silent", utc_now() - 2 * lease)
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "schedules": "stopped"})
    await register(platform.db, "alive", utc_now())
    assert await health(platform) == (200, HEALTHY)
    await stop(platform.db, "alive", utc_now())
    assert await health(platform) == (200, HEALTHY | {"status": "degraded", "schedules": "stopped"})
    await platform.services.schedules.update(TENANT, install_id, schedule.id, enabled=False)
    assert await health(platform) == (200, HEALTHY)


async def _execute(platform: Platform, statement: str) -> None:
    async with platform.db.transaction() as session:
        await session.execute(text(statement))


@asynccontextmanager
async def on_own_postgres(folder: Path) -> AsyncIterator[tuple[Any, Platform]]:
    with postgres_server() as server, server.migrated() as url:
        async with running_platform(folder, database_url=url) as platform:
            yield server, platform


@pytest.mark.postgres
async def test_without_its_database_the_gateway_is_unavailable_until_it_is_back(tmp_path: Path) -> None:
    async with on_own_postgres(tmp_path) as (server, platform):
        assert await health(platform) == (200, HEALTHY)
        server.stop()
        await until(lambda: not platform.services.changes.works)
        assert await health(platform) == (503, HEALTHY | WITHOUT_DATABASE)
        server.start()
        await until(lambda: platform.services.changes.works)
        assert await health(platform) == (200, HEALTHY)


async def test_redis_is_a_part_where_a_setting_names_it(tmp_path: Path, database_url: str) -> None:
    (tmp_path / "redis").mkdir()
    with redis_process(tmp_path / "redis") as redis:
        async with running_platform(
            tmp_path, database_url=database_url, debug_redis_url=redis.url, rate_limit_redis_url=redis.url
        ) as platform:
            assert await health(platform) == (200, HEALTHY | {"redis": "ok"})
            redis.stop()
            assert await health(platform) == (200, HEALTHY | {"status": "degraded", "redis": "unreachable"})
            redis.start()
            assert await health(platform) == (200, HEALTHY | {"redis": "ok"})
