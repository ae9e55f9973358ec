"""Health and readiness of the runner."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.runner.conftest import Runner, StartRunner


@pytest.mark.parametrize("path", ["/healthz", "/health"])
async def test_a_healthy_runner_reports_its_state(start_runner: StartRunner, path: str) -> None:
    runner = await start_runner(cache_max_bytes=5_000_000)
    response = await runner.client.get(path)
    expected = {"cache_writable": True, "bundle_store": "ok", "ext_cache_max_bytes": "5000000"}
    assert (response.status_code, response.json()) == (200, expected)
    assert response.headers["cache-control"] == "no-store"
    assert runner.cached() == []


async def test_a_runner_whose_cache_is_not_writable_is_unhealthy(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    runner.services.cache.root = tmp_path / "file"
    response = await runner.client.get("/healthz")
    assert (response.status_code, response.json()["cache_writable"]) == (503, False)


async def test_readiness_ends_when_the_runner_stops(runner: Runner) -> None:
    assert (await runner.client.get("/readyz")).json() == {"ready": True, "calls": 0}
    runner.services.ready = False
    assert (await runner.client.get("/readyz")).status_code == 503


async def test_an_unknown_path_is_an_error_in_the_common_shape(runner: Runner) -> None:
    response = await runner.client.get("/nowhere")
    assert (response.status_code, response.json()["error"]) == (404, "not_found")
    assert response.headers["cache-control"] == "no-store"
