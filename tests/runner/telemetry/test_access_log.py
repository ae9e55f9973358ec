"""At which level the runner logs the end of a call, and pages whose bundle fails to load."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.contract.execute import BEING_PREPARED, Envelope, ExecuteContext
from holdfast.runner.telemetry.access_log import CallLog
from holdfast.runner.telemetry.metrics import Metrics
from tests.runner import guests
from tests.runner.conftest import EXTENSION, PLAIN, TENANT, StartRunner

HASH = "ab" * 32


@pytest.mark.parametrize(
    ("envelope", "level"),
    [
        (Envelope(status=200), "info"),
        (Envelope(status=404), "info"),
        (Envelope(status=500), "warning"),
        (Envelope(status=503, error=BEING_PREPARED), "info"),
        (Envelope(status=429, error="busy: 10 calls"), "warning"),
        (Envelope(status=400, error="unknown_capabilities: x"), "warning"),
        (Envelope(status=500, error="execute_failed: deadline: too long"), "error"),
        (Envelope(status=500, error="secret_decrypt_failed"), "error"),
        (Envelope(status=502, error="bundle_fetch_failed: bundle_not_found"), "error"),
    ],
)
async def test_each_outcome_has_its_level(envelope: Envelope, level: str) -> None:
    with capture_logs() as logged:
        CallLog(Metrics(), fast=False).call_ended(ExecuteContext(tenant_id="t", extension_id="e", content_hash="h"), "r", envelope, 0.1)
    assert [(line["event"], line["log_level"]) for line in logged] == [("[POST /v1/execute]", level)]


@pytest.mark.parametrize("settings", [{}, PLAIN], ids=["fast", "plain"])
async def test_a_trap_and_a_missing_bundle_are_errors_with_their_reason(start_runner: StartRunner, settings: dict[str, Any]) -> None:
    runner = await start_runner(**settings)
    digest = await runner.put(guests.trapping())
    with capture_logs() as logged:
        await runner.call(digest)
        await runner.call(HASH)
    ends = [line for line in logged if line["event"] == "[POST /v1/execute]"]
    assert [line["log_level"] for line in ends] == ["error", "error"]
    reasons = [line for line in logged if line["event"] == "extension_log"]
    assert [(line["log_level"], line["request_id"]) for line in reasons] == [("error", "request-1")] * 2
    assert "call failed: trap" in reasons[0]["message"] and "call failed: bundle_fetch_failed" in reasons[1]["message"]


async def test_a_page_whose_bundle_is_missing_or_damaged_is_an_error_that_names_the_rule(start_runner: StartRunner) -> None:
    runner = await start_runner()
    damaged = await runner.put(files={"ui/index.html": b"<p>"})
    store_file = next((runner.root / "data" / "bundles").rglob("bundle.tar.zst"))
    store_file.write_bytes(store_file.read_bytes()[:-1])
    with capture_logs() as logged:
        for digest in (HASH, damaged):
            assert (await runner.client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html?tenant={TENANT}")).status_code >= 400
        await runner.client.get(f"/ext-ui/{EXTENSION}/sha256:{HASH}/../x?tenant={TENANT}")
    failed = [line for line in logged if line["event"] == "page_failed"]
    assert [(line["log_level"], line["extension"], line["content_hash"]) for line in failed] == [
        ("error", EXTENSION, f"sha256:{HASH}"),
        ("error", EXTENSION, f"sha256:{damaged}"),
    ]
    assert [line["error"] for line in failed] == ["extract_failed", "archive_hash_mismatch"]


async def test_lines_of_extensions_can_be_turned_off(start_runner: StartRunner) -> None:
    runner = await start_runner(extension_log_lines_per_second=0)
    with capture_logs() as logged:
        await runner.call(await runner.put(guests.trapping()))
    assert "extension_log" not in [line["event"] for line in logged]
    assert any("call failed: trap" in message for message in runner.messages())
