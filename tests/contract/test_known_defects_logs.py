"""S16: secrets that must not appear in the log, the debug stream or an error. Number as in section 8.2 of the runner's contract."""

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

TOKEN, WRONG = "Tk7-the-token-of-the-service", "Wr7-a-wrong-token"
LOOKUP_KEY = "Lk7-the-key-of-the-lookups"
ACCESS_KEY, SECRET_KEY = "AK7EXAMPLEACCESSKEY", "Sk7-the-secret-of-the-store"
SECRETS = {"ALGA_API_KEY": "Vl7-value-of-the-secret", "api_key": "Pk7-key-for-the-proxy", "NAME_OF_A_SECRET": "Ot7-another-value"}
ENVELOPE = base64.b64encode(json.dumps(SECRETS).encode()).decode()
BODY_OF_REGISTRY, BODY_OF_APPLICATION, QUERY = "Rb7-body-of-the-registry", "Ab7-body-of-the-application", "Qu7-in-the-query"

HIDDEN = [
    *(TOKEN, WRONG, LOOKUP_KEY, LOOKUP_KEY[:4], ACCESS_KEY, SECRET_KEY, "X-Amz-", *SECRETS.values(), "NAME_OF_A_SECRET", ENVELOPE),
    *(BODY_OF_REGISTRY, BODY_OF_APPLICATION, QUERY),
]
"""Only the value of `ALGA_API_KEY` is secret: its name is in the code of the guest."""


def failing_application(request: Recorded) -> Response:
    """Registry and application in one. Both respond with errors; only debug events are accepted."""
    if "/ext-debug/" in request.path:
        return JSONResponse({})
    text = BODY_OF_REGISTRY if "/installs/" in request.path else BODY_OF_APPLICATION
    return JSONResponse({"error": text, "code": text}, 500)


def events_at(application: RecordingServer) -> str:
    """All debug events that have arrived, as received."""
    return "".join(request.body.decode() for request in application.requests if "/ext-debug/" in request.path)


def store_bundle(folder: Path, component: Path) -> str:
    """Puts a bundle of this component into the folder of a bucket `extensions`. Returns its hash."""
    packed = archive(folder / "packed.tar.zst", regular("dist/main.wasm", component.read_bytes()))
    digest = hash_file(packed)
    target = folder / "extensions" / bundle_key(TENANT, EXTENSION, digest)
    target.parent.mkdir(parents=True)
    packed.rename(target)
    return digest


async def test_s16_log_events_and_errors_leak_nothing(tmp_path: Path, probe: Path, application: RecordingServer) -> None:
    """At log level debug, over successful calls and calls that fail in every way a caller can cause."""
    application.answer = failing_application
    digest = store_bundle(tmp_path, probe)
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
                errors = await call_in_every_way(client, digest)
            async with asyncio.timeout(MAX_WAIT_SECONDS):
                while "cap:unknown" not in events_at(application):
                    application.arrived.clear()
                    await application.arrived.wait()
        assert any("X-Amz-Signature" in path for _, path, _ in store.requests), "requests to the store were signed with its credentials"
    log, events = (tmp_path / "runner.log").read_text(), events_at(application)
    assert INSTALL in events
    assert "[POST /v1/execute]" in log
    for hidden in HIDDEN:
        assert hidden not in log, hidden
        assert hidden not in events, hidden
        assert hidden not in errors, hidden


async def call_in_every_way(client: httpx2.AsyncClient, digest: str) -> str:
    """Makes the calls. Returns the bodies of all error responses."""
    errors: list[str] = []

    async def call(token: str = TOKEN, **parts: Any) -> dict[str, Any]:
        headers = {"x-runner-service-token": token, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}
        envelope = {"ciphertext_b64": ENVELOPE, "version": "v1"}
        body = call_body(digest) | {"secret_envelope": envelope, "providers": ["cap:secrets.get", "cap:ui.proxy"]} | parts
        response = await client.post("/v1/execute", json=body, headers=headers)
        envelope_received: dict[str, Any] = response.json()
        if envelope_received.get("error") is not None:
            errors.append(response.text)
        return envelope_received

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
        errors.append((await client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html?tenant={tenant}&token={QUERY}")).text)
    errors.append((await client.get("/", headers={"host": "app.example.com"})).text)
    errors.append((await client.post("/warmup", json={"content_hash": digest}, headers={"x-runner-service-token": WRONG})).text)
    assert len(errors) == 10
    return "\n".join(errors)
