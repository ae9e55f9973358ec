"""The runner does what its OpenAPI document says, for valid and invalid requests."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.runner.endpoints import component_check
from holdfast.runner.endpoints.operations import document
from tests.bundles.archives import bundle
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, Runner
from tests.runner.processes import runner_process
from tests.session.effort import repetitions

schemathesis.serializer.alias(component_check.CONTENT_TYPE, "application/octet-stream")
schema = schemathesis.openapi.from_dict(document())


class Served:
    """A runner with one bundle in its store."""

    def __init__(self, origin: str, digest: str) -> None:
        self.origin = origin
        self.digest = digest


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("openapi")
    files = {"dist/main.wasm": guests.echo_body().read_bytes(), "ui/index.html": b"<!doctype html>", "ui/app.js": b"let a = 1\n" * 500}
    archive = bundle(folder / "made.tar.zst", files)
    digest = hash_file(archive)
    asyncio.run(FolderStore(folder / "data" / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive))
    with registry(digest) as application, runner_process(folder, REGISTRY_BASE_URL=application) as (origin, _):
        yield Served(origin, digest)


@contextmanager
def registry(digest: str) -> Iterator[str]:
    """A registry in which one tenant has the bundle installed, under every host name. Yields its origin."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            query = parse_qs(urlsplit(self.path).query)
            installed = query.get("hash") == [f"sha256:{digest}"] and query.get("tenant", [TENANT]) == [TENANT]
            content = {"valid": installed, "tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}
            self._answer(200, content)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self._answer(202, {"accepted": 1})

        def _answer(self, status: int, body: dict[str, Any]) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:  # quiet: no test reads it
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def use_stored_bundle(case: Case[Any], served: Served, source: random.Random) -> None:
    """Makes most requests name the stored bundle: requests for a missing bundle all end the same way."""
    case.headers["x-runner-service-token"] = TOKEN
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    body: Any = case.body
    if isinstance(body, dict) and isinstance(body.get("limits"), dict):
        # JSON Schema accepts 5.0 as an integer; the runner, like the original, does not.
        body["limits"] = {name: int(value) if isinstance(value, float) else value for name, value in body["limits"].items()}
    if source.random() < 0.2:
        return
    if case.path_parameters:
        case.path_parameters |= {"extension_id": EXTENSION, "content_hash": f"sha256:{served.digest}"}
        if source.random() < 0.5:
            case.path_parameters["path"] = source.choice(["index.html", "app.js", "some/route", "none.js"])
        case.headers["x-tenant-id"] = TENANT
    elif isinstance(body, dict):
        case.headers.update({"x-alga-tenant": TENANT, "x-alga-extension": EXTENSION})
        ids = body["context"] if isinstance(body.get("context"), dict) else body
        ids |= {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": served.digest}


@schema.parametrize()
@settings(max_examples=repetitions(40, long=1000), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_response_is_a_documented_one(case: Case[Any], served: Served) -> None:
    use_stored_bundle(case, served, random.Random(repr((case.body, case.headers, case.path_parameters))))
    response = case.call(base_url=served.origin, allow_redirects=False)
    # `use_stored_bundle` adds the token, so the check for ignored authentication proves nothing here. No JSON Schema pattern can
    # express which page paths are rejected or what a valid component is.
    beyond_patterns = "/ext-ui/" in case.path or case.path == "/v1/components/check"
    excluded: list[Any] = [ignored_auth, *([positive_data_acceptance] if beyond_patterns else [])]
    case.validate_response(response, excluded_checks=excluded)
    if response.status_code != 307:
        assert response.headers["x-content-type-options"] == ["nosniff"]
    if "/ext-ui/" not in case.path:
        assert response.headers["cache-control"] == ["no-store"]


async def test_the_document_is_served(runner: Runner) -> None:
    response = await runner.client.get("/openapi.json")
    assert response.json() == document()


async def test_every_route_of_the_runner_is_documented(runner: Runner) -> None:
    from holdfast.runner.endpoints.routes import create_routes

    paths = {
        path.replace("{path:path}", "{path}") for route in create_routes(runner.services).routes if (path := getattr(route, "path", None))
    }
    assert paths == set(document()["paths"])


def test_the_runner_is_healthy_after_all_these_requests(served: Served) -> None:
    assert httpx2.get(f"{served.origin}/healthz", trust_env=False).status_code == 200
    assert httpx2.get(f"{served.origin}/readyz", trust_env=False).json() == {"ready": True, "calls": 0}
