"""Metrics for Prometheus: what is counted, who may read them, and the sum over all workers."""

from __future__ import annotations

import signal
import time
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
from tests.waiting import MAX_WAIT_SECONDS, until

AUTHORISED = {"x-runner-service-token": TOKEN}
LOGGING = '(import "alga:extension/logging" "log-info" (func $log (param i32 i32)))'


def numbers(text: str) -> dict[str, float]:
    """Maps each sample, as `name{label="value",…}`, to its value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[sample.name.removeprefix("holdfast_runner_") + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def read_metrics(runner: Runner) -> dict[str, float]:
    response = await runner.client.get("/metrics", headers=AUTHORISED)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert response.headers["cache-control"] == "no-store"
    return numbers(response.text)


@pytest.mark.parametrize(
    "headers", [{}, {"authorization": "Bearer"}, {"authorization": f"Bearer {TOKEN}x"}, {"authorization": f"Basic {TOKEN}"}]
)
async def test_a_request_without_the_token_gets_no_metrics(runner: Runner, headers: dict[str, str]) -> None:
    response = await runner.client.get("/metrics", headers=headers)
    assert (response.status_code, response.json()["error"]) == (401, "unauthorized")


@pytest.mark.parametrize("headers", [AUTHORISED, {"x-runner-auth": TOKEN}, {"authorization": f"Bearer {TOKEN}"}])
async def test_the_token_is_accepted_in_either_header_and_as_prometheus_sends_it(runner: Runner, headers: dict[str, str]) -> None:
    assert (await runner.client.get("/metrics", headers=headers)).status_code == 200


async def test_a_bearer_token_is_accepted_for_nothing_else(runner: Runner) -> None:
    response = await runner.client.post("/v1/execute", json={}, headers={"authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 401


async def test_calls_are_counted_by_outcome(start_runner: StartRunner) -> None:
    runner = await start_runner(call_timeout_ms=100)
    fine = await runner.put(guests.fine())
    for _ in range(3):
        await runner.call(fine)
    await runner.call(await runner.put(guests.trapping()))
    await runner.call(await runner.put(guests.endless()), limits={"timeout_ms": None})
    await runner.call(fine, context={"tenant_id": "another-tenant"})
    await runner.call("ab" * 32)
    await runner.client.post("/v1/execute", json={})
    await runner.post({})
    values = await read_metrics(runner)
    outcomes = {name: value for name, value in values.items() if name.startswith("calls_total")}
    assert outcomes == {
        'calls_total{outcome="answered"}': 3,
        'calls_total{outcome="trap"}': 1,
        'calls_total{outcome="deadline"}': 1,
        'calls_total{outcome="routing_mismatch"}': 1,
        'calls_total{outcome="bundle_fetch_failed"}': 1,
        'calls_total{outcome="unauthorized"}': 1,
        'calls_total{outcome="invalid_request"}': 1,
    }
    assert values["call_duration_seconds_count"] == 7
    assert values["call_duration_seconds_sum"] > 0.1
    assert values['call_duration_seconds_bucket{le="60.0"}'] == 7
    assert values["calls_running"] == 0


async def test_bundles_components_and_pages_are_counted(start_runner: StartRunner, tmp_path: Path) -> None:
    runner = await start_runner(artifact_root=tmp_path / "artifacts", cache_max_bytes=1)
    digest = await runner.put(guests.fine())
    await runner.call(digest)
    await runner.call("ab" * 32)
    for path in ("index.html", "missing.js"):
        await runner.client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/{path}", params={"tenant": TENANT})
    await runner.call(await runner.put(guests.fine(), {"ui/other.js": b"//"}))
    values = await read_metrics(runner)
    assert values['bundle_fetches_total{outcome="ok"}'] >= 2
    assert values['bundle_fetches_total{outcome="bundle_not_found"}'] == 1
    assert values["bundle_fetch_duration_seconds_count"] >= 2
    assert (values["components_loaded_total"], values["component_compile_duration_seconds_count"]) == (1, 1)
    assert (values['ui_answers_total{status="200"}'], values['ui_answers_total{status="404"}']) == (1, 1)
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while (await read_metrics(runner))["bundles_evicted_total"] < 1:
        assert time.monotonic() < deadline


async def test_host_calls_are_counted_by_function_and_outcome(runner: Runner) -> None:
    logs = assemble(module(f"(call $log (i32.const 1048) (i32.const 2)) {RETURN}", imports=LOGGING))
    await runner.call(await runner.put(logs))
    await runner.call(await runner.put(guests.waiting_for_a_secret()))
    values = await read_metrics(runner)
    assert values['host_calls_total{function="logging.log-info",outcome="ok"}'] == 1
    assert values['host_calls_total{function="secrets.list-keys",outcome="not granted"}'] == 1


async def test_no_label_names_a_tenant_or_an_extension(runner: Runner) -> None:
    await runner.call(await runner.put(guests.fine()), http={"path": "/private/path"})
    text = (await runner.client.get("/metrics", headers=AUTHORISED)).text
    assert not any(word in text for word in (TENANT, EXTENSION, "request-1", "private", TOKEN))
    assert 'holdfast_runner_build_info{version="' in text


def test_dropped_debug_events_are_counted() -> None:
    metrics = Metrics()
    metrics.event_dropped()
    assert numbers(metrics.exposition().decode())["debug_events_dropped_total"] == 1


async def test_any_worker_reports_the_sum_of_all_workers_and_of_replaced_ones(start_workers: StartWorkers) -> None:
    runner: RunningRunner = start_workers(2)
    digest, endless = await runner.put(guests.fine()), await runner.put(guests.sleeping(600))
    seen: dict[str, float] = {}

    async def sums_with(**expected: float) -> dict[str, float]:
        """The sums, once they are as expected: calls are counted just after their responses are sent."""
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        while True:
            async with runner.client() as client:
                seen.update(numbers((await client.get("/metrics")).text))
            if all(seen.get(name, 0) == value for name, value in expected.items()):
                return seen
            assert time.monotonic() < deadline, seen

    for round_number in (1, 2):
        assert {(await runner.call(digest)).json()["status"] for _ in range(12)} == {200}
        call = await runner.begin(endless)
        await sums_with(calls_running=1)
        call.cancel()
        # All calls must be counted before a worker is killed.
        await sums_with(
            **{"calls_running": 0, 'calls_total{outcome="answered"}': 12 * round_number, "call_duration_seconds_count": 12 * round_number}
        )
        killed = runner.workers().pop()
        psutil.Process(killed).send_signal(signal.SIGKILL)
        assert alive([killed]) == []
        await until(lambda: len(runner.workers()) == 2)
    values = await sums_with(starts_total=4)
    assert values['calls_total{outcome="answered"}'] == values["call_duration_seconds_count"] == 24
    assert values["calls_running"] == 0
    assert {name: value for name, value in values.items() if name.startswith("build_info")} == {
        name: 1 for name in values if name.startswith("build_info")
    }
