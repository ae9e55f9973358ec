"""The numbers for Prometheus: what is counted, for whom they are, and that the numbers of all workers are one."""

from __future__ import annotations

import asyncio
import itertools
import signal
from pathlib import Path

import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families

from holdfast.runner.telemetry.metrics import Metrics
from tests.cli.command_runner import alive
from tests.engine.guests import RETURN, assemble, module
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, Runner, StartRunner
from tests.runner.running import RunningRunner, StartWorkers

AUTHORISED = {"x-runner-service-token": TOKEN}
LOGGING = '(import "alga:extension/logging" "log-info" (func $log (param i32 i32)))'


def numbers(text: str) -> dict[str, float]:
    """Sample by sample, `name{label="value",…}` to its number."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name.removeprefix("holdfast_runner_") + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def told(runner: Runner) -> dict[str, float]:
    response = await runner.client.get("/metrics", headers=AUTHORISED)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.headers["cache-control"] == "no-store"
    return numbers(response.text)


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer"}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": f"Basic {TOKEN}"}]
)
async def test_who_has_no_token_learns_no_number(runner: Runner, headers: dict[str, str]) -> None:
    response = await runner.client.get("/metrics", headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized")


@pytest.mark.parametrize("headers", [AUTHORISED, {"x-runner-auth": TOKEN}, {"authorization": f"Bearer {TOKEN}"}])
async def test_the_token_comes_in_either_header_or_as_prometheus_sends_it(runner: Runner, headers: dict[str, str]) -> None:
    assert (await runner.client.get("/metrics", headers=headers)).status_code == 200


async def test_a_bearer_token_opens_nothing_else(runner: Runner) -> None:
    response = await runner.client.post("/v1/execute", json={}, headers={"authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 401


async def test_calls_are_counted_by_how_they_ended(start_runner: StartRunner) -> None:
    runner = await start_runner(call_timeout_ms=100)
    fine = await runner.put(guests.fine())
    for _ in range(3):
        await runner.call(fine)
    await runner.call(await runner.put(guests.trapping()))
    await runner.call(await runner.put(guests.endless()), limits={"timeout_ms": None})
    await runner.call(fine, context={"tenant_id": "somebody-else"})
    await runner.call("ab" * 32)
    await runner.client.post("/v1/execute", json={})
    await runner.post({})
    said = await told(runner)
    outcomes = {name: value for name, value in said.items() if name.startswith("calls_total")}
    assert outcomes == {
        'calls_total{outcome="answered"}': 3,
        'calls_total{outcome="trap"}': 1,
        'calls_total{outcome="deadline"}': 1,
        'calls_total{outcome="routing_mismatch"}': 1,
        'calls_total{outcome="bundle_fetch_failed"}': 1,
        'calls_total{outcome="unauthorized"}': 1,
        'calls_total{outcome="invalid_request"}': 1,
    }
    assert said["call_duration_seconds_count"] == 7
    assert said["call_duration_seconds_sum"] > 0.1
    assert said['call_duration_seconds_bucket{le="60.0"}'] == 7
    assert said["calls_running"] == 0


async def test_bundles_components_and_pages_are_counted(start_runner: StartRunner, tmp_path: Path) -> None:
    runner = await start_runner(artifact_root=tmp_path / "artifacts", cache_max_bytes=1)
    digest = await runner.put(guests.fine())
    await runner.call(digest)
    await runner.call("ab" * 32)
    for path in ("index.html", "missing.js"):
        await runner.client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/{path}", params={"tenant": TENANT})
    await runner.call(await runner.put(guests.fine(), {"ui/other.js": b"//"}))
    said = await told(runner)
    assert said['bundle_fetches_total{outcome="ok"}'] >= 2
    assert said['bundle_fetches_total{outcome="bundle_not_found"}'] == 1
    assert said["bundle_fetch_duration_seconds_count"] >= 2
    assert (said["components_loaded_total"], said["component_compile_duration_seconds_count"]) == (1, 1)
    assert (said['ui_answers_total{status="200"}'], said['ui_answers_total{status="404"}']) == (1, 1)
    while (await told(runner))["bundles_evicted_total"] < 1:
        await asyncio.sleep(0.01)


async def test_host_calls_are_counted_by_function_and_outcome(runner: Runner) -> None:
    logs = assemble(module(f"(call $log (i32.const 1048) (i32.const 2)) {RETURN}", imports=LOGGING))
    await runner.call(await runner.put(logs))
    await runner.call(await runner.put(guests.waiting_for_a_secret()))
    said = await told(runner)
    assert said['host_calls_total{function="logging.log-info",outcome="ok"}'] == 1
    assert said['host_calls_total{function="secrets.list-keys",outcome="not granted"}'] == 1


async def test_no_label_says_who_called_what(runner: Runner) -> None:
    await runner.call(await runner.put(guests.fine()), http={"path": "/private/path"})
    text = (await runner.client.get("/metrics", headers=AUTHORISED)).text
    assert not any(word in text for word in (TENANT, EXTENSION, "request-1", "private", TOKEN))
    assert 'holdfast_runner_build_info{version="' in text


def test_what_is_dropped_of_the_debug_stream_is_counted() -> None:
    metrics = Metrics()
    metrics.event_dropped()
    assert numbers(metrics.exposition().decode())["debug_events_dropped_total"] == 1


async def test_workers_give_the_sum_of_all_also_when_one_was_replaced(start_workers: StartWorkers) -> None:
    runner: RunningRunner = start_workers(2)
    digest = await runner.put(guests.fine())

    async def sums() -> dict[str, float]:
        async with runner.client() as client:
            return numbers((await client.get("/metrics")).text)

    async def calls_until_one_is_seen() -> int:
        """Makes a call and looks at the numbers meanwhile; a longer one again when it ended first. Returns how many it made."""
        for count in itertools.count(1):
            call = asyncio.create_task(runner.call(await runner.put(guests.sleeping(0.1 * 2**count))))
            seen = set()
            while not call.done():
                seen.add((await sums())["calls_running"])
            assert (await call).json()["status"] == 200
            if seen >= {1}:
                assert seen <= {0, 1}
                return count
        raise AssertionError

    answered = 0
    for _ in range(2):
        assert {(await runner.call(digest)).json()["status"] for _ in range(12)} == {200}
        answered += 12 + await calls_until_one_is_seen()
        killed = runner.workers().pop()
        psutil.Process(killed).send_signal(signal.SIGKILL)
        assert alive([killed]) == []
        while len(runner.workers()) < 2:
            await asyncio.sleep(0.01)
    while (await sums())["starts_total"] < 4:
        await asyncio.sleep(0.01)
    said = await sums()
    assert said['calls_total{outcome="answered"}'] == said["call_duration_seconds_count"] == answered
    assert said["calls_running"] == 0
    assert {name: value for name, value in said.items() if name.startswith("build_info")} == {
        name: 1 for name in said if name.startswith("build_info")
    }
