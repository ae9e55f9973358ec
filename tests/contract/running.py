"""One runner as the contract's tests need it: HTTP on loopback, a registry reached over HTTP, a folder of bundles."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from starlette.responses import JSONResponse, Response

from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.contract.debug_event import DebugEvent
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings
from tests.bundles.archives import archive, regular
from tests.events.recording_server import Recorded, RecordingServer
from tests.hostcalls.calling import ListSink
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, call_body
from tests.runner.serving import served
from tests.waiting import MAX_WAIT_SECONDS

ROOT = Path(__file__).parents[2]
ARTIFACTS = ROOT / "build" / "test-artifacts"
"""Compiled components stay here between test runs. Their names contain the hash of their source, so a stale one is never used."""

AUTH_KEY = "the-lookup-key"
PAGES = {
    "ui/index.html": b"<!doctype html><title>Notes</title>",
    "ui/assets/app.js": b"export const notes = [];",
    "ui/assets/img/logo.png": b"\x89PNG\r\n",
}


@dataclass
class Registry:
    """Knows which tenants have the extension installed, and which install a host name belongs to."""

    server: RecordingServer
    installed: set[str] = field(default_factory=lambda: {TENANT})
    hosts: dict[str, dict[str, str]] = field(default_factory=dict)
    down: bool = False

    def __post_init__(self) -> None:
        self.server.answer = self._answer

    def questions(self) -> list[dict[str, str]]:
        """The queries received, without their time stamp."""
        queries = [dict(httpx2.QueryParams(request.query)) for request in self.server.requests]
        return [{name: value for name, value in question.items() if name != "ts"} for question in queries]

    def _answer(self, request: Recorded) -> Response:
        question = dict(httpx2.QueryParams(request.query))
        if self.down:
            return JSONResponse({"error": "internal error"}, 500)
        if request.path.endswith("/lookup-by-host"):
            found = self.hosts.get(question["host"])
            return JSONResponse({"error": "not found"}, 404) if found is None else JSONResponse(found)
        if "tenant" in question:
            return JSONResponse({"valid": question["tenant"] in self.installed})
        tenant = next(iter(sorted(self.installed)), None)
        return JSONResponse({"valid": tenant is not None, "tenant_id": tenant})


@dataclass
class Running:
    """A running runner, a client for it, and methods that store bundles and make requests."""

    services: RunnerServices
    registry: Registry
    sink: ListSink
    client: httpx2.AsyncClient
    port: int
    folder: Path

    @property
    def events(self) -> list[DebugEvent]:
        return self.sink.events

    @property
    def cache(self) -> Path:
        return self.services.settings.resolved_cache_root

    def stored(self, digest: str, tenant: str = TENANT) -> Path:
        """The file in the store that holds a bundle."""
        return Path(self.services.settings.resolved_bundle_store) / bundle_key(tenant, EXTENSION, digest)

    def put(self, files: dict[str, bytes] | None = None, component: Path | None = None, *, tenant: str = TENANT) -> str:
        """Stores a bundle of these files and this component. Returns its hash in hex."""
        content = dict(files or {})
        if component is not None:
            content["dist/main.wasm"] = component.read_bytes()
        made = archive(self.folder / "made.tar.zst", *(regular(name, data) for name, data in content.items()))
        return self.put_bytes(made.read_bytes(), tenant=tenant)

    def put_bytes(self, content: bytes, *, tenant: str = TENANT) -> str:
        """Stores any bytes as a bundle, under their own hash."""
        made = self.folder / "bytes"
        made.write_bytes(content)
        digest = hash_file(made)
        path = self.stored(digest, tenant)
        path.parent.mkdir(parents=True, exist_ok=True)
        made.replace(path)
        return digest

    async def page(self, digest: str, path: str = "index.html", *, tenant: str | None = TENANT, **headers: str) -> httpx2.Response:
        """Requests a file of a page. `tenant` goes into a header; write other header names with `_` for `-`."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if tenant is not None:
            sent["x-tenant-id"] = tenant
        return await self.client.get(f"/ext-ui/{EXTENSION}/sha256:{digest}/{path}", headers=sent)

    async def raw_page(self, digest: str, tail: str) -> int:
        """The status for a path that no HTTP client would send: it goes over the wire exactly as given."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        target = f"/ext-ui/{EXTENSION}/sha256:{digest}/{tail}".encode("latin-1")
        writer.write(b"GET " + target + b" HTTP/1.1\r\nhost: runner\r\nconnection: close\r\nx-tenant-id: " + TENANT.encode() + b"\r\n\r\n")
        status = int((await reader.readline()).split()[1])
        writer.close()
        await writer.wait_closed()
        return status

    async def post(self, body: dict[str, Any], path: str = "/v1/execute", **headers: str | None) -> httpx2.Response:
        """Sends a request as the gateway does: with token and routing headers. `headers` replaces some; None leaves one out."""
        sent: dict[str, str | None] = {"x-runner-service-token": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, json=body, headers={name: value for name, value in sent.items() if value is not None})

    async def call(self, digest: str, **parts: Any) -> dict[str, Any]:
        """The envelope of a call; `parts` as in `call_body`."""
        response = await self.post(call_body(digest, **parts))
        assert response.status_code == 200, response.text
        envelope: dict[str, Any] = response.json()
        return envelope


@asynccontextmanager
async def running(
    folder: Path, registry: Registry, *, validator: InstallValidator | None = None, own_events: bool = False, **settings: Any
) -> AsyncIterator[Running]:
    """A runner for the length of the block, its data below `folder`; settings by field name.

    `validator` replaces the one that calls the registry. Events go to `Running.sink`, or, with `own_events`, where the settings send them.
    """
    fields: dict[str, Any] = {
        "_env_file": None,
        "data_dir": folder / "data",
        "artifact_root": ARTIFACTS,
        "runner_service_token": TOKEN,
        "registry_base_url": registry.server.url,
        "alga_auth_key": AUTH_KEY,
        "engine_pool": False,
    }
    sink = ListSink()
    services = await RunnerServices.open(Settings(**(fields | settings)), events=None if own_events else sink, validator=validator)
    try:
        async with (
            served(services) as port,
            httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=MAX_WAIT_SECONDS, trust_env=False) as client,
        ):
            yield Running(services, registry, sink, client, port, folder)
    finally:
        await services.close()
