"""One idempotency key runs a call once, also when retries reach different workers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import httpx2

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, call_body
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS

ATTEMPTS = 24
HEADERS = {"x-runner-service-token": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}


async def test_retries_on_many_connections_get_the_response_of_one_run(tmp_path: Path, built: Callable[[str], Path]) -> None:
    wasm = built("sdk-probe") / "dist" / "main.wasm"
    archive = bundle(tmp_path / "made.tar.zst", {"dist/main.wasm": wasm.read_bytes()})
    digest = hash_file(archive)
    await FolderStore(tmp_path / "data" / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive)
    body = call_body(digest, http={"method": "POST", "path": "/random"}, limits={"timeout_ms": 30_000})

    with runner_process(tmp_path, "--workers", "2") as (origin, _):

        async def attempt(key: str) -> str:
            # Each attempt has its own connection: the kernel assigns it to either worker.
            async with httpx2.AsyncClient(base_url=origin, headers=HEADERS, trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
                envelope = (await client.post("/v1/execute", json=body, headers={"x-idempotency-key": key})).json()
            assert (envelope["status"], envelope["error"]) == (200, None), envelope
            answer: str = envelope["body_b64"]
            return answer

        at_once = set(await asyncio.gather(*(attempt("one") for _ in range(ATTEMPTS))))
        later = {await attempt("one") for _ in range(ATTEMPTS)}
        assert len(at_once | later) == 1
        assert await attempt("another") not in at_once
