"""CO-01 and CO-02: the runner as operators deploy it. Numbers as in section 7.1.

Instead of a container, a process runs here, started by the command of an image: the machines that run these tests have no container
engine. The environment variables are the original's; its store is a plain web server without a bucket.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from holdfast.bundles.store.hashing import hash_file
from tests.bundles.archives import archive, regular
from tests.contract.running import ARTIFACTS
from tests.contract.stores import FileServer
from tests.events.recording_server import held_port
from tests.runner.conftest import TOKEN
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS

TENANT, EXTENSION = "tenant-a", "demo-ext"
PAYLOAD = b"\x00not valid json {"


@contextmanager
def deployed(folder: Path, files: dict[str, bytes]) -> Iterator[tuple[httpx2.Client, str, FileServer]]:
    """A client of the runner, the hash of the stored bundle with these files, and the store."""
    packed = archive(folder / "packed.tar.zst", *(regular(name, content) for name, content in files.items()))
    digest = hash_file(packed)
    target = folder / "store" / "tenants" / TENANT / "extensions" / EXTENSION / "sha256" / digest / "bundle.tar.zst"
    target.parent.mkdir(parents=True)
    packed.rename(target)
    with FileServer(folder / "store") as store, held_port() as dead:
        variables = {
            "ALGA_AUTH_KEY": "test-key",
            "EXT_STATIC_STRICT_VALIDATION": "false",
            "REGISTRY_BASE_URL": f"http://127.0.0.1:{dead}",
            "BUNDLE_STORE_BASE": store.url,
            "HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS),
        }
        with (
            runner_process(folder, **variables) as (origin, _),
            httpx2.Client(base_url=origin, timeout=MAX_WAIT_SECONDS, trust_env=False) as client,
        ):
            yield client, digest, store


def test_co_01_the_container_serves_a_static_bundle(tmp_path: Path) -> None:
    page = b"<!doctype html><title>demo</title>"
    # CO-01.1: it starts
    with deployed(tmp_path, {"ui/index.html": page}) as (client, digest, store):
        # CO-01.2
        assert client.get("/healthz", timeout=MAX_WAIT_SECONDS).is_success
        store.requests.clear()
        # CO-01.3
        served = client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/index.html", headers={"x-tenant-id": TENANT})
        assert served.is_success
        assert page in served.content
        # CO-01.4: without credentials, and without the key of the registry
        [(method, path, headers)] = store.requests
        assert (method, path) == ("GET", f"/tenants/{TENANT}/extensions/{EXTENSION}/sha256/{digest}/bundle.tar.zst")
        assert not {"authorization", "x-api-key", "x-runner-auth", "cookie"} & set(headers)


def test_co_02_the_container_executes_a_dynamic_component(tmp_path: Path, probe: Path) -> None:
    # CO-02.1: no manifest, no pages
    with deployed(tmp_path, {"dist/main.wasm": probe.read_bytes()}) as (client, digest, _):
        # CO-02.2
        body = {
            "context": {
                "request_id": "request-1",
                "tenant_id": TENANT,
                "extension_id": EXTENSION,
                "content_hash": f"sha256:{digest}",
                "config": {},
            },
            "http": {
                "method": "POST",
                "path": "/dynamic/echo",
                "query": {"foo": "bar"},
                "headers": {"content-type": "application/octet-stream"},
                "body_b64": base64.b64encode(PAYLOAD).decode(),
            },
            "limits": {"timeout_ms": 5_000},
            "providers": ["cap:context.read", "cap:log.emit"],
        }
        headers = {"x-alga-tenant": TENANT, "x-alga-extension": EXTENSION, "x-runner-service-token": TOKEN}
        response = client.post("/v1/execute", json=body, headers=headers)
    # CO-02.3
    assert response.is_success
    envelope = response.json()
    assert (envelope["status"], envelope["error"]) == (200, None)
    # CO-02.4
    assert envelope["headers"]["content-type"] == "application/json"
    assert envelope["headers"]["x-generated-by"] == "js-component"
    # CO-02.5
    seen = json.loads(base64.b64decode(envelope["body_b64"]))
    # CO-02.6
    assert (seen["tenantId"], seen["extensionId"]) == (TENANT, EXTENSION)
    # CO-02.7
    assert seen["method"] == "POST"
    # CO-02.8
    assert seen["path"] == "/dynamic/echo?foo=bar"
    # CO-02.9
    assert bytes(seen["echo"]) == PAYLOAD
