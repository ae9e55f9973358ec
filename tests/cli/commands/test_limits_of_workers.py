"""Rate limits, quotas and debug events of `holdfast up --workers 2` are those of one gateway."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.command_runner import Platform
from tests.waiting import MAX_WAIT_SECONDS, wait_until

PING = "/api/ext/com.example.sample/ping"
STREAM = "/api/ext-debug/stream?extensionId=com.example.sample"
CONNECTIONS = 24
"""So many that all of them reach the same of two workers only once in eight million runs."""
ALLOWED = 20


def test_two_workers_have_the_limits_of_one_and_show_the_same_events(tmp_path: Path, extension: Path) -> None:
    limit: dict[str, Any] = {"HOLDFAST_RATE_LIMIT_USER_STAFF": f"{ALLOWED}+1/min"}
    with Platform(tmp_path, extension, "--workers", "2", **limit) as platform, ExitStack() as opened:
        ready = platform.ready()

        def client() -> httpx2.Client:
            headers = {"x-api-key": ready["api_key"]}
            return opened.enter_context(
                httpx2.Client(base_url=ready["console"], headers=headers, trust_env=False, timeout=MAX_WAIT_SECONDS)
            )

        callers = [client() for _ in range(CONNECTIONS)]
        # At least one of six live streams is at another worker than the others, or else polling below finds the same as they.
        live = [opened.enter_context(client().stream("GET", STREAM)).iter_lines() for _ in range(6)]
        assert {next(lines) for lines in live} == {": connected"}

        responses = [caller.get(PING) for caller in callers]
        statuses = [response.status_code for response in responses]
        assert sorted(statuses) == [200] * ALLOWED + [429] * (CONNECTIONS - ALLOWED)
        assert statuses == sorted(statuses)
        assert [int(response.headers["ratelimit-remaining"]) for response in responses[:ALLOWED]] == list(reversed(range(ALLOWED)))

        def calls() -> int:
            # What the other worker has counted is there after its next write.
            (install,) = callers[0].get("/api/v1/quotas").json()["quotas"]
            return sum(use["used"] for use in install["quotas"] if use["quota"] == "calls")

        wait_until(lambda: calls() == ALLOWED, calls)

        wait_until(lambda: _finished(_poll(callers[0])["events"]) == ALLOWED)
        polled = {json.dumps(_poll(caller)["events"]) for caller in callers[:8]}
        assert len(polled) == 1
        events = json.loads(polled.pop())
        for lines in live:
            ids = [event["id"] for event in _read(lines, len(events))]
            assert ids == [event["id"] for event in events]


def _poll(caller: httpx2.Client) -> dict[str, Any]:
    result: dict[str, Any] = caller.post(STREAM).json()
    return result


def _finished(events: list[dict[str, Any]]) -> int:
    """Of how many calls the last event is there."""
    return sum(event["message"].startswith("call finished") for event in events)


def _read(lines: Any, number: int) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while len(found) < number:
        line = next(lines)
        if line.startswith("data: "):
            found.append(json.loads(line.removeprefix("data: ")))
    return found
