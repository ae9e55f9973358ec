"""`holdfast runner` with RUNNER_SOCKET_DIR: every process also listens on a Unix socket of its own."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import msgspec
import psutil
import pytest

from holdfast.http.client import HttpClient, Response, UnixAddress
from holdfast.processes.unix_sockets import sockets_in
from tests.runner import guests
from tests.runner.conftest import call_body
from tests.runner.processes import runner_process
from tests.runner.running import HEADERS, RunningRunner
from tests.waiting import MAX_WAIT_SECONDS, until

pytestmark = pytest.mark.process


async def execute(path: str, digest: str) -> Response:
    """The response to a call through the socket."""
    client = HttpClient(UnixAddress(path), {**HEADERS, "content-type": "application/json"})
    try:
        body = msgspec.json.encode(call_body(digest))
        return await client.request("POST", "/v1/execute", {}, body, timeout=MAX_WAIT_SECONDS, max_bytes=10_000)
    finally:
        await client.close()


@pytest.mark.parametrize("workers", [1, 2])
async def test_each_process_answers_calls_at_its_own_socket(tmp_path: Path, artifacts: Path, workers: int) -> None:
    folder = tmp_path / "s"
    variables = {"HOLDFAST_ARTIFACT_ROOT": str(artifacts), "RUNNER_SOCKET_DIR": str(folder)}
    with runner_process(tmp_path, "--workers", str(workers), **variables) as (origin, process):
        runner = RunningRunner(origin, process, tmp_path)
        digest = await runner.put(guests.fine())
        paths = sockets_in(folder)
        assert len(paths) == workers
        for path in paths:
            assert (await execute(path, digest)).status == 200
        assert (await runner.call(digest)).json()["status"] == 200
        if workers > 1:
            # The parent keeps the sockets: a call waits for the process that takes over.
            before = runner.workers()
            psutil.Process(min(before)).kill()
            await until(lambda: min(before) not in runner.workers())
            assert [(await execute(path, digest)).status for path in paths] == [200, 200]
        process.send_signal(signal.SIGTERM)
        assert await runner.ended() == 0
        assert sockets_in(folder) == []


async def test_a_call_at_the_socket_ends_when_its_caller_leaves(tmp_path: Path, artifacts: Path) -> None:
    folder = tmp_path / "s"
    variables = {"HOLDFAST_ARTIFACT_ROOT": str(artifacts), "RUNNER_SOCKET_DIR": str(folder)}
    with runner_process(tmp_path, **variables) as (origin, process):
        runner = RunningRunner(origin, process, tmp_path)
        digest = await runner.put(guests.endless())

        async def running() -> int:
            return int((await runner.ask("/readyz")).json()["calls"])

        call = asyncio.create_task(execute(sockets_in(folder)[0], digest))
        while not await running():
            assert not call.done(), call.result()
        call.cancel()
        while await running():
            await asyncio.sleep(0.01)
