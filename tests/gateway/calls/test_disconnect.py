"""A client that leaves cancels its call, through gateway and runner, with the fast path and without."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.gateway.runners import RunnerClient
from tests.gateway.platform import Front, Platform
from tests.gateway.platform import platform as made
from tests.runner import guests
from tests.runner.conftest import TOKEN, Runner, StartRunner, artifacts, speed_settings, start_runner  # noqa: F401 - fixtures
from tests.waiting import MAX_WAIT_SECONDS, until

ENDLESS = "/api/ext/com.example.notes/notes"


@pytest.fixture(params=["fast", "uvicorn"])
def front(request: pytest.FixtureRequest) -> Front:
    chosen: Front = request.param
    return chosen


@pytest.fixture
async def real_runner(start_runner: StartRunner, tmp_path: Path) -> Runner:  # noqa: F811
    return await start_runner(bundle_store_base=str(tmp_path / "bundles"))


@pytest.fixture
async def with_runner(tmp_path: Path, front: Front, real_runner: Runner) -> AsyncIterator[Platform]:
    """A gateway with a real runner, and an extension whose calls end only when they are cancelled."""
    async with made(tmp_path, front=front, gateway_timeout_ms=60_000) as platform:
        await platform.services.runner.close()
        platform.services.runner = RunnerClient(str(real_runner.client.base_url), TOKEN)
        await platform.install(version="2.0.0", wasm=guests.endless().read_bytes())
        yield platform


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_client_that_leaves_cancels_the_guest(with_runner: Platform, real_runner: Runner, method: str) -> None:
    calls = real_runner.services.concurrency
    call = asyncio.create_task(with_runner.http.request(method, ENDLESS, headers=await with_runner.admin(), timeout=MAX_WAIT_SECONDS))
    await until(lambda: calls.running == 1)
    call.cancel()
    await asyncio.wait([call])
    # Long before the deadline of the call, which is longer than any wait of a test of an idle machine.
    await until(lambda: calls.running == 0)
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while (await with_runner.log())[0].finished_at is None:
            await asyncio.sleep(0.01)
    (row,) = await with_runner.log()
    assert (row.status, row.error) == ("error", "cancelled")
