"""S16: what neither the log nor the debug stream nor an error tells. The number is one of section 8.2 of the runner's contract."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx2
from starlette.responses import JSONResponse, Response

from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import archive, regular
from tests.contract.running import ARTIFACTS
from tests.contract.stores import FileServer
from tests.events.recording_server import Recorded, RecordingServer
from tests.runner.conftest import EXTENSION, INSTALL, TENANT, call_body
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS

TOKEN, WRONG = "Tk7-the-token-of-the-service", "Wr7-a-token-of-somebody"
LOOKUP_KEY = "Lk7-the-key-of-the-lookups"
ACCESS_KEY, SECRET_KEY = "AK7EXAMPLEACCESSKEY", "Sk7-the-secret-of-the-store"
SECRETS = {"ALGA_API_KEY": "Vl7-value-of-the-secret", "api_key": "Pk7-key-for-the-proxy", "NAME_OF_A_SECRET": "Ot7-another-value"}
ENVELOPE = base64.b64encode(json.dumps(SECRETS).encode()).decode()
BODY_OF_REGISTRY, BODY_OF_APPLICATION, QUERY = "Rb7-body-of-the-registry", "Ab7-body-of-the-application", "Qu7-in-the-query"

HIDDEN = [
    *(TOKEN, WRONG, LOOKUP_KEY, LOOKUP_KEY[:4], ACCESS_KEY, SECRET_KEY, "X-Amz-", *SECRETS.values(), "NAME_OF_A_SECRET", ENVELOPE),
    *(BODY_OF_REGISTRY, BODY_OF_APPLICATION, QUERY),
]
"""The value of `ALGA_API_KEY` counts, its name does not: the guest's own code says it."""


def answer(request: Recorded) -> Response:
    """Registry and application in one, which are not well."""
    if "/ext-debug/" in request.path:
        return JSONResponse({})
    text = BODY_OF_REGISTRY if "/installs/" in request.path else BODY_OF_APPLICATION
    return JSONResponse({"error": text, "code": text}, 500)


def events_at(application: RecordingServer) -> str:
    """All debug events that have arrived, as they came."""
    return "".join(request.body.decode() for request in application.requests if "/ext-debug/" in request.path)


def stored(folder: Path, component: Path) -> str:
    """Puts a bundle of this component into the folder of a bucket `extensions`; its hash."""
    made = archive(folder / "made.tar.zst", regular("dist/main.wasm", component.read_bytes()))
    digest = hash_file(made)
    kept = folder / "extensions" / bundle_key(TENANT, EXTENSION, digest)
    kept.parent.mkdir(parents=True)
    made.rename(kept)
    return digest


async def test_s16_log_events_and_errors_leak_nothing(tmp_path: Path, probe: Path, application: RecordingServer) -> None:
    """At the most talkative level, over calls that go well and calls that fail in every way a caller can bring about."""
    application.answer = answer
    digest = stored(tmp_path, probe)
    with FileServer(tmp_path) as store:
        variables = {
            "RUNNER_SERVICE_TOKEN": TOKEN,
            "ALGA_AUTH_KEY": LOOKUP_KEY,
            "REGISTRY_BASE_URL": application.url,
            "UI_PROXY_BASE_URL": application.url,
            "BUNDLE_STORE_BASE": f"{store.url}/extensions",
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
            "HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS),
            "HOLDFAST_LOG_LEVEL": "debug",
        }
        with runner_process(tmp_path, **variables) as (origin, _):
            async with httpx2.AsyncClient(base_url=origin, timeout=MAX_WAIT_SECONDS, trust_env=False) as client:
                told = await everything(client, digest)
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while "cap:unknown" not in events_at(application):
                    application.arrived.clear()
                    await application.arrived.wait()
        assert any("X-Amz-Signature" in path for _, path, _ in store.asked), "the store was asked with its credentials"
    log, events = (tmp_path / "runner.log").read_text(), events_at(application)
    assert INSTALL in events
    assert "[POST /v1/execute]" in log
    for hidden in HIDDEN:
        assert hidden not in log, hidden
        assert hidden not in events, hidden
        assert hidden not in told, hidden


async def everything(client: httpx2.AsyncClient, digest: str) -> str:
    """Makes the calls. Returns what callers were told of their failures."""
    told: list[str] = []

    async def call(token: str = TOKEN, **parts: Any) -> dict[str, Any]:
        headers = {"x-runner-service-token": token, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}
        envelope = {"ciphertext_b64": ENVELOPE, "version": "v1"}
        body = call_body(digest) | {"secret_envelope": envelope, "providers": ["cap:secrets.get", "cap:ui.proxy"]} | parts
        response = await client.post("/v1/execute", json=body, headers=headers)
        answered: dict[str, Any] = response.json()
        if answered.get("error") is not None:
            told.append(response.text)
        return answered

    query = {"method": "POST", "path": f"/dynamic/secrets?token={QUERY}", "query": {"more": QUERY}}
    seen = json.loads(base64.b64decode((await call(http=query))["body_b64"]))
    assert seen["secrets"]["value"] == SECRETS["ALGA_API_KEY"], "the guest itself may read it"
    proxied = await call(http={"method": "POST", "path": "/dynamic/ui-proxy"})
    assert "internal" in base64.b64decode(proxied["body_b64"]).decode()
    await call(WRONG)
    await call(context=call_body("ab" * 32)["context"])
    await call(secret_envelope={"ciphertext_b64": ENVELOPE, "algorithm": "aes"})
    await call(secret_envelope={"ciphertext_b64": base64.b64encode(json.dumps([SECRETS]).encode()).decode()})
    await call(http={"method": "POST", "path": "/", "body_b64": "%"})
    await call(providers=["cap:unknown"])
    for tenant in (TENANT, "tenant-b"):
        told.append((await client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html?tenant={tenant}&token={QUERY}")).text)
    told.append((await client.get("/", headers={"host": "app.example.com"})).text)
    told.append((await client.post("/warmup", json={"content_hash": digest}, headers={"x-runner-service-token": WRONG})).text)
    assert len(told) == 10
    return "\n".join(told)
