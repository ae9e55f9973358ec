"""What a call used: reported to a caller that asks for it, also when the call failed; never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.events.recording_server import RecordingServer, recording_server
from tests.runner import guests
from tests.runner.conftest import PLAIN, Runner, StartRunner, call_body

ASKED = {"x-holdfast-usage": "1"}
ROUNDS = 200_000_000
"""No processor counts this far in less than SPINNING_US."""
SPINNING_US = 20_000


@pytest.fixture(params=[{}, PLAIN], ids=["fast", "plain"])
def speed_settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    settings: dict[str, Any] = request.param
    return settings


@pytest.fixture
async def application() -> AsyncIterator[RecordingServer]:
    async with recording_server() as server:
        yield server


async def usage_of(runner: Runner, digest: str, **parts: Any) -> dict[str, Any]:
    response = await runner.post(call_body(digest, **parts), ASKED)
    assert response.status_code == 200, response.text
    usage: dict[str, Any] = response.json()["usage"]
    return usage


async def test_only_a_caller_that_asks_gets_the_usage(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    assert "usage" not in await runner.call(digest)
    assert "usage" not in (await runner.post(call_body(digest), {"x-holdfast-usage": "0"})).json()
    assert (await usage_of(runner, digest))["cpu_us"] > 0


async def test_a_guest_is_charged_for_its_own_computing_only(runner: Runner) -> None:
    sleeping, computing = await runner.put(guests.sleeping(0.5)), await runner.put(guests.computing(ROUNDS))
    await asyncio.gather(*(runner.call(digest) for digest in (sleeping, computing)))  # compiled and loaded
    slept, computed = await asyncio.gather(usage_of(runner, sleeping), usage_of(runner, computing))
    assert computed["cpu_us"] > SPINNING_US
    assert slept["cpu_us"] * 2 < computed["cpu_us"]


async def test_a_call_that_failed_has_used_something(runner: Runner) -> None:
    response = await runner.post(call_body(await runner.put(guests.trapping())), ASKED)
    assert response.json()["failure"]["code"] == "trap"
    assert response.json()["usage"]["cpu_us"] > 0


async def test_a_call_that_never_started_has_used_nothing(runner: Runner) -> None:
    response = await runner.post(call_body(await runner.put(guests.fine()), providers=["cap:unknown"]), ASKED)
    assert response.json()["status"] == 400
    assert "usage" not in response.json()


async def test_a_repeated_response_is_not_charged_again(runner: Runner) -> None:
    digest = await runner.put(guests.fine())
    first, second = [(await runner.post(call_body(digest), ASKED | {"x-idempotency-key": "once"})).json() for _ in range(2)]
    assert first["usage"]["cpu_us"] > 0
    assert second == {name: value for name, value in first.items() if name != "usage"}


async def test_fuel_is_reported_where_it_is_counted(start_runner: StartRunner) -> None:
    runner = await start_runner(engine_fuel=True)
    digest = await runner.put(guests.computing(1_000))
    assert {(await usage_of(runner, digest))["fuel"] for _ in range(2)} == {(await usage_of(runner, digest))["fuel"]}
    assert (await usage_of(runner, digest))["fuel"] > 1_000


async def test_a_refused_fetch_has_sent_nothing(runner: Runner, application: RecordingServer) -> None:
    digest = await runner.put(guests.posting(application.url, "x" * 900))
    granted = {"context": {"egress": [application.url]}, "providers": ["cap:http.fetch"]}
    used = (await usage_of(runner, digest, **granted)).get("egress_bytes", 0)
    # The runner of an author may reach this machine only through the operator's list, so nothing was sent.
    assert (used, application.requests) == (0, [])


async def test_egress_counts_what_fetches_send_and_receive(start_runner: StartRunner, application: RecordingServer) -> None:
    runner = await start_runner(egress_allowlist=application.url)
    digest = await runner.put(guests.posting(application.url, "x" * 900))
    used = (await usage_of(runner, digest, providers=["cap:http.fetch"]))["egress_bytes"]
    (seen,) = application.requests
    assert used > len(seen.body) + sum(len(name) + len(value) for name, value in seen.headers)
