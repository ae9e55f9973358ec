"""`holdfast up` with its debug stream in Redis, as `.env.runner` says: the runner writes there, the gateway reads from there."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.command_runner import Platform, run
from tests.events.redis_process import redis_process
from tests.waiting import MAX_WAIT_SECONDS

EXTENSION = "com.example.sample"


def poll(client: httpx2.Client, last_id: str) -> dict[str, Any]:
    """Polls until there are events of a whole call."""
    events: list[dict[str, Any]] = []
    deadline = time.monotonic() + MAX_WAIT_SECONDS
    while not any("call finished" in event["message"] for event in events):
        assert time.monotonic() < deadline, events
        response = client.post("/api/ext-debug/stream", params={"extensionId": EXTENSION}, json={"lastId": last_id})
        if response.status_code == 200:
            events += response.json()["events"]
            last_id = response.json()["lastId"]
        time.sleep(0.02)
    return {"events": events, "lastId": last_id}


def test_events_go_through_redis_and_calls_do_not_need_it(tmp_path: Path, extension: Path) -> None:
    with redis_process(tmp_path) as redis:
        (tmp_path / ".env.runner").write_text(f"RUNNER_DEBUG_REDIS_URL={redis.url}\nRUNNER_DEBUG_REDIS_STREAM_PREFIX=ext:debug\n")
        with Platform(tmp_path, extension) as platform:
            ready = platform.ready()
            headers = {"x-api-key": ready["api_key"]}
            with httpx2.Client(base_url=ready["console"], headers=headers, trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
                assert client.get(f"/api/ext/{EXTENSION}/ping").status_code == 200
                first = poll(client, "0")
                assert "-" in first["lastId"]
                assert "call finished" in redis.command("XREAD", "COUNT", "10", "STREAMS", "ext:debug", "0")

                redis.stop()
                assert client.get(f"/api/ext/{EXTENSION}/ping").status_code == 200
                away = client.post("/api/ext-debug/stream", params={"extensionId": EXTENSION})
                assert (away.status_code, away.json()["error"]) == (503, "debug_stream_unavailable")
                assert "Redis does not respond" in away.json()["message"]

                redis.start()
                # The event of the call made in the meantime is delivered now.
                later = poll(client, first["lastId"])
                assert {event["requestId"] for event in later["events"]}.isdisjoint(event["requestId"] for event in first["events"])


def test_an_invalid_redis_address_is_rejected_before_anything_starts(tmp_path: Path) -> None:
    rejected = run("up", "--data-dir", "data", "--json", cwd=tmp_path, RUNNER_DEBUG_REDIS_URL="http://:hidden@127.0.0.1")
    assert rejected.returncode == 1
    assert json.loads(rejected.stdout)["error"] == "redis_url_unusable"
    assert "RUNNER_DEBUG_REDIS_URL" in rejected.stderr and "hidden" not in rejected.stderr + rejected.stdout
    assert not (tmp_path / "data").exists()
