"""How parts are asked whether they work."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from holdfast.gateway.services import health_check
from holdfast.gateway.services.health_check import CACHE_SECONDS, HealthCheck, Part


class Switch:
    """A part that works until it is turned off."""

    def __init__(self) -> None:
        self.works = True
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        return "ok" if self.works else "unreachable"


async def test_a_part_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang() -> str:
        await asyncio.Event().wait()
        return "ok"

    monkeypatch.setattr(health_check, "PART_SECONDS", 0.0)
    check = HealthCheck([Part("slow", hang)], clock=lambda: 0.0)
    assert await check.states() == {"slow": "unreachable"}


async def test_an_error_is_a_part_that_does_not_work() -> None:
    async def fail() -> str:
        raise RuntimeError("with the password of the database")

    check = HealthCheck([Part("broken", fail), Part("fine", Switch())], clock=lambda: 0.0)
    with capture_logs() as lines:
        assert await check.states() == {"broken": "unreachable", "fine": "ok"}
    assert "password" not in repr(lines)


async def test_callers_share_a_result_and_changes_are_logged_once() -> None:
    now = [0.0]
    switch = Switch()
    check = HealthCheck([Part("part", switch)], clock=lambda: now[0])
    with capture_logs() as lines:
        await asyncio.gather(*(check.states() for _ in range(5)))
        assert switch.asked == 1
        switch.works = False
        assert await check.states() == {"part": "ok"}
        for _ in range(2):
            now[0] += CACHE_SECONDS
            assert await check.states() == {"part": "unreachable"}
        switch.works = True
        now[0] += CACHE_SECONDS
        assert await check.states() == {"part": "ok"}
    assert switch.asked == 4
    assert [(line["log_level"], line["state"]) for line in lines] == [("warning", "unreachable"), ("info", "ok")]
