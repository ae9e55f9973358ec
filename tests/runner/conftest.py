"""A whole runner in this process: a real engine, a folder as bundle store, a registry that responds as the test sets it."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.runner.endpoints.app import create_app
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.services import RunnerServices
from holdfast.settings import Settings
from tests.bundles.archives import bundle
from tests.hostcalls.calling import ListSink
from tests.runner.processes import runner_process
from tests.runner.serving import served
from tests.waiting import MAX_WAIT_SECONDS

TOKEN = "the-service-token"
TENANT, EXTENSION, INSTALL = "tenant-a", "extension-a", "0b0c9d8e-5f0a-4c57-9a59-6d1f2f0f7a11"


class Registry:
    """Knows which tenants have an extension installed, and records requests."""

    def __init__(self) -> None:
        self.installed: set[str] = set()
        self.requests: list[httpx2.Request] = []
        self.broken = False

    def respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.broken:
            raise httpx2.ConnectError("no registry here")
        tenant = request.url.params.get("tenant")
        if tenant is None:
            tenant = next(iter(sorted(self.installed)), None)
            return httpx2.Response(200, json={"valid": tenant is not None, "tenant_id": tenant})
        return httpx2.Response(200, json={"valid": tenant in self.installed})


class Runner:
    """One runner: its services, a client for it, and methods that store bundles."""

    def __init__(self, services: RunnerServices, registry: Registry, events: ListSink, root: Path, port: int) -> None:
        self.services = services
        self.registry = registry
        self.events = events
        self.root = root
        self.client = httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=MAX_WAIT_SECONDS)

    def unchecked(self) -> httpx2.AsyncClient:
        """A client that calls the application directly, for requests that no HTTP server would pass on."""
        return httpx2.AsyncClient(transport=httpx2.ASGITransport(create_app(self.services)), base_url="http://runner")

    async def put(self, component: Path | None = None, files: dict[str, bytes] | None = None, *, tenant: str = TENANT) -> str:
        """Stores a bundle and returns its hash in hex."""
        content = dict(files or {})
        if component is not None:
            content["dist/main.wasm"] = component.read_bytes()
        return await self.put_archive(bundle(self.root / "made.tar.zst", content), tenant=tenant)

    async def put_archive(self, archive: Path, *, tenant: str = TENANT) -> str:
        digest = hash_file(archive)
        await self.services.store.put(bundle_key(tenant, EXTENSION, digest), archive)
        return digest

    async def post(self, body: dict[str, Any], headers: dict[str, str] | None = None) -> httpx2.Response:
        sent = {"x-runner-service-token": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION} | (headers or {})
        return await self.client.post("/v1/execute", json=body, headers={name: value for name, value in sent.items() if value})

    async def call(self, digest: str, **parts: Any) -> dict[str, Any]:
        """Makes a call and returns its envelope. `context`, `http` and other parts are added to those of an ordinary call."""
        response = await self.post(call_body(digest, **parts))
        assert response.status_code == 200, response.text
        envelope: dict[str, Any] = response.json()
        return envelope

    def messages(self) -> list[str]:
        return [event.message for event in self.events.events if (event.tenant_id, event.extension_id) == (TENANT, EXTENSION)]

    def cached(self) -> list[str]:
        return sorted(path.name for path in self.services.cache.root.glob("*"))


def call_body(digest: str, **parts: Any) -> dict[str, Any]:
    body: dict[str, Any] = {
        "context": {
            "request_id": "request-1",
            "tenant_id": TENANT,
            "extension_id": EXTENSION,
            "install_id": INSTALL,
            "content_hash": f"sha256:{digest}",
        },
        "http": {"method": "GET", "path": "/notes"},
        "limits": {"timeout_ms": 60_000},  # no test of an ordinary call ends at its deadline, however busy the machine
        "providers": ["cap:context.read", "cap:log.emit"],
    }
    for name, value in parts.items():
        body[name] = body[name] | value if isinstance(value, dict) and isinstance(body.get(name), dict) else value
    return body


def body_of(envelope: dict[str, Any]) -> bytes:
    return base64.b64decode(envelope["body_b64"])


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled guests, shared by the tests of a run."""
    return tmp_path_factory.mktemp("runner-artifacts")


StartRunner = Callable[..., Awaitable[Runner]]


PLAIN = {"fast_path": False, "call_batching": False, "fast_log_lines": False}
"""Settings that turn off all code that is only for speed."""


@pytest.fixture
def speed_settings() -> dict[str, Any]:
    """Settings of every runner that a test starts. Modules parametrize this to run their tests with and without the fast path."""
    return {}


@pytest.fixture
async def start_runner(tmp_path: Path, artifacts: Path, speed_settings: dict[str, Any]) -> AsyncIterator[StartRunner]:
    """Starts a runner; settings by field name. Its events go to `Runner.events`, or, without `keep_events`, where the settings send them.

    A `validator` replaces the one that calls `Runner.registry`.
    """
    async with AsyncExitStack() as closing:

        async def start(*, keep_events: bool = True, validator: InstallValidator | None = None, **settings: Any) -> Runner:
            fields: dict[str, Any] = {
                "_env_file": None,
                "data_dir": tmp_path / "data",
                "artifact_root": artifacts,
                "runner_service_token": TOKEN,
                "engine_pool": False,
            }
            registry, events = Registry(), ListSink()
            registry.installed.add(TENANT)
            transport = httpx2.MockTransport(registry.respond)
            validator = validator or InstallValidator("http://registry/ignored", {"x-api-key": "key"}, transport=transport)
            sink = events if keep_events else None
            services = await RunnerServices.open(Settings(**(fields | speed_settings | settings)), events=sink, validator=validator)
            closing.push_async_callback(services.close)
            port = await closing.enter_async_context(served(services))
            runner = Runner(services, registry, events, tmp_path, port)
            closing.push_async_callback(runner.client.aclose)
            return runner

        yield start


@pytest.fixture
async def runner(start_runner: StartRunner) -> Runner:
    """A runner in development with strict checking of pages."""
    return await start_runner()


@pytest.fixture
def start_workers(tmp_path: Path, artifacts: Path) -> Iterator[Callable[[int], Any]]:
    """Starts `holdfast runner` with this number of workers. Returns a `RunningRunner`."""
    from tests.runner.running import RunningRunner

    with ExitStack() as running:

        def start(workers: int) -> RunningRunner:
            process = runner_process(tmp_path, "--workers", str(workers), HOLDFAST_ARTIFACT_ROOT=str(artifacts))
            return RunningRunner(*running.enter_context(process), tmp_path)

        yield start
