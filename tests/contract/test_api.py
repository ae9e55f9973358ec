"""AP-01: the runner as a process, alone. Numbers as in section 7.1 of the runner's contract."""

from __future__ import annotations

from pathlib import Path

import httpx2

from tests.events.recording_server import held_port
from tests.runner.conftest import TOKEN, call_body
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS


def test_ap_01_the_runner_starts_with_a_dead_registry_and_a_dead_store(tmp_path: Path) -> None:
    """`sha256:dummy` is not a content hash. Here the call fails with that error before any request to the store (S8)."""
    with held_port() as dead:
        variables = {
            "REGISTRY_BASE_URL": f"http://127.0.0.1:{dead}",
            "BUNDLE_STORE_BASE": f"http://127.0.0.1:{dead}/alga-ext/",
            "ALGA_AUTH_KEY": "test-key",
            "EXT_CACHE_ROOT": str(tmp_path / "cache"),
        }
        with runner_process(tmp_path, **variables) as (origin, process), httpx2.Client(base_url=origin, trust_env=False) as client:
            # AP-01.2
            health = client.get("/healthz", timeout=MAX_WAIT_SECONDS)
            assert health.is_success or health.status_code == 503
            assert health.json()["bundle_store"] == "bundle_store_unreachable"
            # AP-01.3
            headers = {"x-request-id": "request-1", "x-alga-tenant": "tenant-a", "x-alga-extension": "extension-a"}
            body = call_body("dummy", limits={}, providers=[], user=None)
            body["context"]["content_hash"] = "sha256:dummy"
            response = client.post("/v1/execute", json=body, headers=headers | {"x-runner-service-token": TOKEN}, timeout=MAX_WAIT_SECONDS)
            assert response.status_code == 200
            assert (response.json()["status"], response.json()["error"].partition(":")[0]) == (400, "invalid_content_hash")
            assert client.post("/v1/execute", json=body, headers=headers).status_code == 401
            # AP-01.1
            assert process.poll() is None
