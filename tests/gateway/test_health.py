from __future__ import annotations

import pytest

from tests.gateway.platform import Platform


async def test_health_reports_database_and_runner(platform: Platform) -> None:
    response = await platform.http.get("/api/health")
    assert (response.status_code, response.json()) == (200, {"status": "ok", "database": "ok", "runner": "ok"})
    assert platform.runner.requests[0].path == "/healthz"


async def test_a_missing_runner_does_not_make_the_gateway_unhealthy(platform: Platform) -> None:
    platform.runner.reply({}, 503)
    response = await platform.http.get("/api/health")
    assert (response.status_code, response.json()["runner"]) == (200, "unreachable")


async def test_without_its_database_the_gateway_is_unavailable(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("gone")

    monkeypatch.setattr(platform.db, "session", fail)
    response = await platform.http.get("/api/health")
    assert (response.status_code, response.json()["status"]) == (503, "unavailable")
    assert "gone" not in response.text


async def test_health_supports_head(platform: Platform) -> None:
    assert (await platform.http.head("/api/health")).status_code == 200
