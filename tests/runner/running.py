"""A runner as its own process, with clients and bundles for it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2
import psutil

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import bundle
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, call_body
from tests.waiting import MAX_WAIT_SECONDS

HEADERS = {"x-runner-service-token": TOKEN, "x-alga-tenant": TENANT, "x-alga-extension": EXTENSION}


class RunningRunner:
    """A `holdfast runner` process: clients, calls, workers and its end."""

    def __init__(self, origin: str, process: subprocess.Popen[bytes], folder: Path) -> None:
        self.origin = origin
        self.process = process
        self._folder = folder

    @property
    def port(self) -> int:
        return int(self.origin.rpartition(":")[2])

    def workers(self) -> set[int]:
        children = psutil.Process(self.process.pid).children()
        return {one.pid for one in children if one.status() != psutil.STATUS_ZOMBIE}

    def client(self) -> httpx2.AsyncClient:
        """A client with its own connection."""
        return httpx2.AsyncClient(base_url=self.origin, headers=HEADERS, trust_env=False, timeout=MAX_WAIT_SECONDS)

    async def ask(self, path: str) -> httpx2.Response:
        async with self.client() as client:
            return await client.get(path)

    async def put(self, component: Path) -> str:
        archive = bundle(self._folder / "made.tar.zst", {"dist/main.wasm": component.read_bytes()})
        digest = hash_file(archive)
        await FolderStore(self._folder / "data" / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive)
        return digest

    async def call(self, digest: str) -> httpx2.Response:
        async with self.client() as client:
            return await client.post("/v1/execute", json=call_body(digest, limits={"timeout_ms": 60_000}))

    async def begin(self, digest: str) -> asyncio.Task[httpx2.Response]:
        """Starts a call and returns once it runs."""
        call = asyncio.create_task(self.call(digest))
        while not (await self.ask("/readyz")).json()["calls"]:
            assert not call.done(), call.result().text
        return call

    async def ended(self) -> int:
        return await asyncio.to_thread(self.process.wait, MAX_WAIT_SECONDS)


StartWorkers = Callable[[int], RunningRunner]
"""Starts a runner with this number of workers."""
