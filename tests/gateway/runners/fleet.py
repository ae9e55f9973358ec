"""Several real runners, each a process that a test kills, pauses and starts again, and a count of what their guests executed."""

from __future__ import annotations

import asyncio
import signal
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.contract.execute import Envelope, ExecuteCall, ExecuteContext, ExecuteHttp, ExecuteLimits
from holdfast.errors import HoldfastError
from holdfast.gateway.runners import RunnerClient
from tests.bundles.archives import bundle
from tests.events.recording_server import RecordingServer, free_port, recording_server
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN
from tests.runner.processes import runner_process

TIMEOUT_MS = 60_000


class RunnerProcess:
    """One runner at an address that stays the same."""

    def __init__(self, folder: Path, variables: dict[str, str], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        folder.mkdir()
        self._arguments = (folder, variables, port)
        self._running: AbstractContextManager[tuple[str, subprocess.Popen[bytes]]] | None = None
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        folder, variables, port = self._arguments
        self._running = runner_process(folder, "--port", str(port), **variables)
        _, self.process = await asyncio.to_thread(self._running.__enter__)

    def send(self, number: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Sends the signal and waits for the end."""
        if self._running is not None:
            self.send(number)
            await asyncio.to_thread(self._running.__exit__, None, None, None)
            self._running = None


class Fleet:
    """`runners` by their place in the client's list; `client` is the gateway's."""

    def __init__(self, runners: list[RunnerProcess], application: RecordingServer, store: FolderStore, folder: Path) -> None:
        self.runners = runners
        self.client = RunnerClient(",".join(runner.url for runner in runners), TOKEN)
        self._application = application
        self._store = store
        self._folder = folder
        self.succeeded: list[str] = []
        self.failed: dict[str, HoldfastError] = {}
        self._begun = 0

    async def put(self, component: Path) -> str:
        """Stores a bundle with this component; returns its content hash."""
        archive = bundle(self._folder / "made.tar.zst", {"dist/main.wasm": component.read_bytes()})
        digest = hash_file(archive)
        await self._store.put(bundle_key(TENANT, EXTENSION, digest), archive)
        return f"sha256:{digest}"

    async def put_counted(self) -> str:
        """A bundle whose guest reports its execution."""
        return await self.put(guests.posting_its_request_id(self._application.url))

    def executed(self) -> Counter[str]:
        """How often the guest ran for each request id."""
        return Counter(request.body.decode() for request in self._application.requests)

    async def call(self, content_hash: str) -> Envelope | None:
        """Makes a call with a request id of its own; None when it failed."""
        self._begun += 1
        request_id = f"call-{self._begun}"
        try:
            envelope = await self.client.execute(
                call_of(content_hash, request_id), headers_of(request_id), body=None, timeout_ms=TIMEOUT_MS
            )
        except HoldfastError as error:
            self.failed[request_id] = error
            return None
        assert envelope.error is None, envelope
        self.succeeded.append(request_id)
        return envelope

    def owner(self, content_hash: str) -> int:
        """The place of the runner to which the bundle belongs."""
        return self.client._selection.order(content_hash)[0]


def call_of(content_hash: str, request_id: str) -> ExecuteCall:
    return ExecuteCall(
        context=ExecuteContext(request_id=request_id, tenant_id=TENANT, extension_id=EXTENSION, content_hash=content_hash),
        http=ExecuteHttp(method="GET", path="/"),
        limits=ExecuteLimits(timeout_ms=TIMEOUT_MS),
        providers=["cap:http.fetch"],
    )


def headers_of(request_id: str) -> dict[str, str]:
    return {"x-alga-tenant": TENANT, "x-alga-extension": EXTENSION, "x-request-id": request_id}


@asynccontextmanager
async def running_fleet(folder: Path, artifacts: Path, count: int) -> AsyncIterator[Fleet]:
    """A fleet of `count` runners that share a bundle store and compiled components."""
    async with recording_server() as application:
        variables = {
            "HOLDFAST_ARTIFACT_ROOT": str(artifacts),
            "BUNDLE_STORE_BASE": str(folder / "bundles"),
            "EXT_EGRESS_ALLOWLIST": application.url,
            "HOLDFAST_CALLS_PER_INSTALL": "200",
        }
        runners = [RunnerProcess(folder / f"runner-{index}", variables, free_port()) for index in range(count)]
        fleet = Fleet(runners, application, FolderStore(folder / "bundles"), folder)
        try:
            await asyncio.gather(*[runner.start() for runner in runners])
            yield fleet
        finally:
            await fleet.client.close()
            await asyncio.gather(*[runner.stop() for runner in runners])
