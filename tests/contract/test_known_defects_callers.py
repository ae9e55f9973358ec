"""S1, S2, S3, S8, S9, S10, S11: what a caller of the runner cannot do. Numbers as in section 8.2 of the runner's contract."""

from __future__ import annotations

import asyncio
import base64
import json
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from starlette.responses import Response

from holdfast.hostcalls import CallContext
from holdfast.world.capabilities import Capability
from holdfast.world.functions import FUNCTIONS_BY_ID, WitError
from holdfast.world.types import StorageError
from tests.contract import guests
from tests.contract.conftest import Start
from tests.contract.running import PAGES, Running
from tests.events.recording_server import Recorded, RecordingServer
from tests.runner import guests as runner_guests
from tests.runner.conftest import EXTENSION, INSTALL, TENANT, TOKEN, call_body

HASH = "ab" * 32
OTHER = "tenant-b"
INLINE = base64.b64encode(b'{"ALGA_API_KEY": "value-of-the-key"}').decode()


def files_below(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.name.startswith(".healthz")}


async def test_s1_a_call_without_the_token_is_rejected(runner: Running) -> None:
    """At the runner's own host name and at the domain of an app, which reaches the same process."""
    digest = runner.put(component=runner_guests.fine())
    warmup = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest}
    for token, host in product((None, "", "wrong", TOKEN[:-1], TOKEN + "x"), ("runner", "app.example.com")):
        for path, body in (("/v1/execute", call_body(digest)), ("/warmup", warmup), ("/v1/execute", {})):
            response = await runner.post(body, path, x_runner_service_token=token, host=host)
            assert (response.status_code, response.json()["error"]) == (401, "unauthorized")
    assert not (runner.cache / digest).exists()
    assert runner.events == []
    assert (await runner.call(digest))["status"] == 200


async def test_s2_headers_and_body_must_name_the_same_tenant_and_extension(runner: Running) -> None:
    """The gateway decides whether the hash belongs to the install: only it has the token, and the key in the store contains the same
    ids."""
    digest = runner.put(component=runner_guests.fine())
    for headers in ({"x_alga_tenant": OTHER}, {"x_alga_extension": "other"}, {"x_alga_tenant": TENANT.upper()}):
        envelope = (await runner.post(call_body(digest), **headers)).json()
        assert (envelope["status"], envelope["error"], envelope["body_b64"]) == (400, "routing_mismatch", None)
    for context in ({"tenant_id": OTHER}, {"extension_id": "other"}):
        assert (await runner.call(digest, context=context))["error"] == "routing_mismatch"
    assert not (runner.cache / digest).exists()
    assert (await runner.call(digest))["status"] == 200


async def test_s3_an_idempotency_key_never_returns_the_response_of_another_caller(runner: Running) -> None:
    digest = runner.put(component=runner_guests.echo_tenant())
    runner.put(component=runner_guests.echo_tenant(), tenant=OTHER)
    urls = runner.put(component=runner_guests.echo_url())
    bodies = runner.put(component=runner_guests.echo_body())
    user = {"user_id": "u-1", "user_email": "a@example.com", "user_name": "A", "user_type": "internal"}

    async def answer(body: dict[str, Any], tenant: str = TENANT) -> bytes:
        response = await runner.post(body, x_alga_tenant=tenant, x_idempotency_key="one-key")
        return base64.b64decode(response.json()["body_b64"])

    assert await answer(call_body(digest)) == TENANT.encode()
    assert await answer(call_body(digest, context={"tenant_id": OTHER}), OTHER) == OTHER.encode()
    assert await answer(call_body(urls, http={"path": "/first"})) == b"/first"
    assert await answer(call_body(urls, http={"path": "/second"})) == b"/second"
    assert await answer(call_body(urls, http={"path": "/second", "query": {"page": "2"}})) == b"/second?page=2"
    for content in (b"one", b"two"):
        assert await answer(call_body(bodies, http={"body_b64": base64.b64encode(content).decode()})) == content
    started = [event for event in runner.events if event.message.startswith("call started")]
    for user_id in ("u-1", "u-2"):
        await answer(call_body(digest, user=user | {"user_id": user_id}))
    assert len([event for event in runner.events if event.message.startswith("call started")]) == len(started) + 2
    # A repeated request with the same key still gets the stored response.
    assert await answer(call_body(urls, http={"path": "/first"})) == b"/first"
    assert len([event for event in runner.events if event.message.startswith("call started")]) == len(started) + 2


INVALID_HASHES = (
    *("../../outside", "sha256:../../outside", "/etc", "", "sha256:", "a" * 63, "a" * 65, "g" * 64, "a" * 62 + ".."),
    "sha256:sha256:" + "a" * 64,
)


async def test_s8_an_invalid_content_hash_becomes_no_path(runner: Running) -> None:
    """Seen from the cache, `../../outside` is a decoy: a complete bundle that a runner would use if it followed the path."""
    outside = runner.folder / "outside"
    (outside / "bundle" / "dist").mkdir(parents=True)
    (outside / "bundle" / ".ready").write_text("ok")
    (outside / "bundle" / "dist" / "main.wasm").write_bytes(runner_guests.fine().read_bytes())
    (outside / "ui").mkdir()
    (outside / "ui" / "index.html").write_text("outside")
    before = files_below(runner.folder)
    for content_hash in INVALID_HASHES:
        envelope = await runner.call(HASH, context={"content_hash": content_hash})
        assert (envelope["status"], envelope["error"].partition(":")[0]) == (400, "invalid_content_hash")
        warmup = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": content_hash or "sha256:"}
        assert (await runner.post(warmup, "/warmup")).json()["error"] == "invalid_content_hash"
        page = await runner.client.get(f"/ext-ui/{EXTENSION}/{quote(content_hash, safe='') or 'x'}/index.html?tenant={TENANT}")
        assert page.status_code in (400, 404)
        assert "outside" not in page.text
    assert files_below(runner.folder) == before


INVALID_IDS = ("..", "../other", "a/b", "a%2fb", ".hidden", "a\\b", "a b", "", "a" * 129, "ä")


async def test_s9_an_id_never_leaves_its_folder_in_the_store(lenient: Running) -> None:
    digest = lenient.put(PAGES, runner_guests.fine())
    for part, field in product(INVALID_IDS, ("tenant_id", "extension_id")):
        ids = {"tenant_id": TENANT, "extension_id": EXTENSION} | {field: part}
        headers = {"x-alga-tenant": ids["tenant_id"], "x-alga-extension": ids["extension_id"], "x-runner-service-token": TOKEN}
        encoded = {name.encode(): value.encode() for name, value in headers.items()}
        response = await lenient.client.post("/v1/execute", json=call_body(digest, context=ids), headers=encoded)
        assert response.json()["status"] == 400, response.text
        assert (await lenient.post(ids | {"content_hash": digest}, "/warmup")).status_code == 400
    for part in filter(None, INVALID_IDS):
        address = f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html"
        assert (await lenient.client.get(address, params={"tenant": part})).status_code == 404
    assert not (lenient.cache / digest).exists()


async def test_s9_an_install_id_never_reaches_other_paths_of_the_internal_api(start: Start, application: RecordingServer) -> None:
    """Requests to the internal API carry the service's own token, so a forged path would have its rights."""
    runner = await start(storage_api_base_url=application.url)
    for install_id in ("../../admin", "..", f"{INSTALL}/../x", f"{INSTALL}?x=1", "x", ""):
        call = CallContext(request_id="r", tenant_id=TENANT, extension_id=EXTENSION, install_id=install_id)
        call_host = runner.services.host.call_host(call, frozenset({Capability.STORAGE_KV}))
        with pytest.raises(WitError) as denied:
            await call_host.call(FUNCTIONS_BY_ID["storage.get"], ("namespace", "key"))
        assert denied.value.case is StorageError.DENIED
    assert application.requests == []
    digest = runner.put(component=guests.reading_a_record())
    envelope = await runner.call(digest, context={"install_id": "../../admin"}, providers=["cap:storage.kv"])
    assert (envelope["status"], application.requests) == (200, [])


async def test_s10_an_excessive_deadline_is_capped(start: Start) -> None:
    runner = await start(call_timeout_max_ms=100)
    digest = runner.put(component=runner_guests.endless())
    for timeout_ms in (10**12, 2**53 - 1):
        envelope = await runner.call(digest, limits={"timeout_ms": timeout_ms})
        assert envelope["error"] == "execute_failed: deadline: the call did not finish within 100 ms"
    assert (await runner.post(call_body(digest, limits={"timeout_ms": 2**63}))).status_code == 422


@pytest.mark.parametrize("memory_mb", [10**6, 2**44])
async def test_s10_an_excessive_memory_limit_is_capped(runner: Running, memory_mb: int) -> None:
    """The cap is 1 GiB. At 2^44 MiB the original's multiplication overflows."""
    limits = {"timeout_ms": 60_000, "memory_mb": memory_mb}
    assert (await runner.call(runner.put(component=guests.growing_to(1_024)), limits=limits))["status"] == 200
    assert (await runner.call(runner.put(component=guests.growing_to(1_025)), limits=limits))["status"] == 201


async def test_s10_a_deadline_includes_waits_of_the_host(start: Start, application: RecordingServer) -> None:
    released = asyncio.Event()

    async def hold(_: Recorded) -> Response:
        await released.wait()
        return Response()

    application.answer = hold
    runner = await start(storage_api_base_url=application.url)
    digest = runner.put(component=guests.reading_a_record())
    envelope = await runner.call(digest, providers=["cap:storage.kv"], limits={"timeout_ms": 300})
    assert envelope["error"] == "execute_failed: deadline: the call did not finish within 300 ms"
    released.set()


async def test_s11_unencrypted_envelopes_are_rejected_in_production(start: Start) -> None:
    runner = await start(environment="production")
    for algorithm in (None, "inline", "inline/base64"):
        envelope = await runner.call(HASH, secret_envelope={"ciphertext_b64": INLINE, "algorithm": algorithm})
        assert (envelope["status"], envelope["error"]) == (500, "secret_decrypt_failed")


@pytest.mark.parametrize("algorithm", ["aes-256-gcm", "none", "base64", "vault-transit", "x-inline"])
async def test_s11_an_unknown_algorithm_is_never_treated_as_unencrypted(runner: Running, algorithm: str) -> None:
    envelope = await runner.call(HASH, secret_envelope={"ciphertext_b64": INLINE, "algorithm": algorithm})
    assert (envelope["status"], envelope["error"]) == (500, "secret_decrypt_failed")


@pytest.mark.parametrize("end", ["2001-01-01T00:00:00Z", "tomorrow"])
async def test_s11_an_expired_envelope_contains_no_secrets_for_the_guest(runner: Running, probe: Path, end: str) -> None:
    """An expiry that is not a time is rejected; the original assumes thirty seconds from now."""
    digest = runner.put(component=probe)
    sealed = {"ciphertext_b64": INLINE, "expires_at": end}
    envelope = await runner.call(digest, http={"path": "/dynamic/secrets"}, providers=["cap:secrets.get"], secret_envelope=sealed)
    if end == "tomorrow":
        assert envelope["error"] == "secret_decrypt_failed"
        return
    seen = json.loads(base64.b64decode(envelope["body_b64"]))["secrets"]
    assert (seen["value"], seen["keys"]) == (None, [])
    assert "expired" in seen["error"]
