"""A call that is repeated bills once, through gateway, runner, guest and back."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.cli.command_runner import Platform, write_extension
from tests.engine import toolchains

TOKEN = "the service token of this test"
CAPABILITIES = ["cap:client.read", "cap:service.read", "cap:invoice.manual.create"]


@pytest.mark.process
@pytest.mark.slow
def test_attempts_of_a_call_bill_once(tmp_path: Path) -> None:
    # The guest of the benchmarks: its `POST /invoice` bills the first client for the first service.
    project = write_extension(
        tmp_path / "biller",
        component=toolchains.build("records (QuickJS)").read_bytes(),
        capabilities=CAPABILITIES,
        api={"endpoints": [{"method": "POST", "path": "/invoice", "handler": "dist/main"}]},
    )
    with Platform(tmp_path, project, RUNNER_SERVICE_TOKEN=TOKEN) as starting:
        ready = starting.ready()
        with httpx2.Client(base_url=ready["console"], headers={"x-api-key": ready["api_key"]}, trust_env=False, timeout=60) as http:
            (install,) = http.get("/api/v1/extensions").json()["extensions"]

            def invoices() -> list[str]:
                rows: list[dict[str, Any]] = http.get("/api/v1/records/invoices").json()["rows"]
                return sorted(row["invoice_number"] for row in rows)

            def attempt(call_id: str, number: int) -> str:
                body = {"tenantId": ready["tenant"], "installId": install["installId"], "number": number, "method": "POST"}
                url = f"/api/internal/ext-background/calls/{call_id}"
                body |= {"path": "/invoice", "trigger": "schedule"}
                return str(http.post(url, json=body, headers={"x-runner-auth": TOKEN}).json()["status"])

            assert invoices() == ["INV-000001"]
            first = str(uuid.uuid4())
            # Each attempt runs the guest again, and the guest asks for its invoice again.
            assert [attempt(first, number) for number in (1, 2, 2, 3)] == ["success"] * 4
            assert invoices() == ["INV-000001", "INV-000002"]
            assert attempt(str(uuid.uuid4()), 1) == "success"
            # A person tries again with the same key; by the body, which the guest ignores, it is another call for the runner.
            for body in (b"1", b"2"):
                response = http.post(f"/api/ext/{install['registryId']}/invoice", content=body, headers={"x-idempotency-key": "again"})
                assert response.status_code == 200
            assert invoices() == [f"INV-{number:06d}" for number in (1, 2, 3, 4)]
