"""How `holdfast gateway` stops, and what becomes of a call while a process of it is killed. The runner is a server of the test."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.responses import JSONResponse, Response

from tests.cli.command_runner import Done, Platform, json_result, run
from tests.events.recording_server import Recorded, RecordingServer, recording_server
from tests.waiting import MAX_WAIT_SECONDS, until

PING = "/api/ext/com.example.sample/ping"
EXECUTE = "/v1/execute"


class SlowRunner:
    """Responds to calls once the test releases it."""

    def __init__(self, server: RecordingServer) -> None:
        self.server = server
        self.released = asyncio.Event()
        server.answer = self._answer

    @property
    def calls(self) -> int:
        return sum(request.path == EXECUTE for request in self.server.requests)

    async def _answer(self, request: Recorded) -> Response:
        if request.path == EXECUTE:
            await self.released.wait()
        body = base64.b64encode(b"late").decode()
        return JSONResponse({"status": 200, "headers": {"content-type": "text/plain"}, "body_b64": body, "error": None})


@contextlib.asynccontextmanager
async def gateway(folder: Path, extension: Path, workers: int) -> AsyncIterator[tuple[Platform, SlowRunner, dict[str, Any]]]:
    """A gateway that is ready, its runner, and what it printed."""
    installed = await asyncio.to_thread(run, "install", extension, "--json", "--data-dir", folder / "data", cwd=folder)
    json_result(Done(installed.returncode, installed.stdout, installed.stderr))
    async with recording_server() as server:
        runner = SlowRunner(server)
        variables: dict[str, Any] = {"RUNNER_BASE_URL": server.url, "RUNNER_SERVICE_TOKEN": "a-token-of-both"}
        with Platform(folder, "--workers", str(workers), command="gateway", as_json=True, **variables) as platform:
            ready = await asyncio.to_thread(platform.ready)
            yield platform, runner, ready


def client(ready: dict[str, Any]) -> httpx2.AsyncClient:
    """A client with its own connections."""
    headers = {"x-api-key": ready["api_key"]}
    return httpx2.AsyncClient(base_url=ready["console"], headers=headers, trust_env=False, timeout=MAX_WAIT_SECONDS)


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_stop_lets_calls_finish_and_accepts_no_more(tmp_path: Path, extension: Path, workers: int) -> None:
    async with gateway(tmp_path, extension, workers) as (platform, runner, ready), contextlib.AsyncExitStack() as opened:
        callers = [await opened.enter_async_context(client(ready)) for _ in range(8)]
        calls = [asyncio.create_task(caller.get(PING)) for caller in callers]
        await until(lambda: runner.calls == len(calls))
        platform.process.send_signal(signal.SIGTERM)
        await until(lambda: not _accepts(ready["console"]))
        assert platform.process.poll() is None and not any(call.done() for call in calls)
        runner.released.set()
        responses = await asyncio.gather(*calls)
        assert {(response.status_code, response.text) for response in responses} == {(200, "late")}
        assert await asyncio.to_thread(platform.process.wait, MAX_WAIT_SECONDS) == 0


def _accepts(origin: str) -> bool:
    host, _, port = origin.rpartition("/")[2].partition(":")
    with socket.socket() as sock:
        return sock.connect_ex((host, int(port))) == 0


async def test_a_killed_process_takes_only_its_own_calls_with_it(tmp_path: Path, extension: Path) -> None:
    async with gateway(tmp_path, extension, 2) as (platform, runner, ready), contextlib.AsyncExitStack() as opened:
        callers = [await opened.enter_async_context(client(ready)) for _ in range(24)]
        calls = [asyncio.create_task(caller.get(PING)) for caller in callers]
        await until(lambda: runner.calls == len(calls))
        os.kill(min(platform.children("holdfast.platform")), signal.SIGKILL)
        await until(lambda: any(call.done() for call in calls))
        runner.released.set()
        ended = await asyncio.gather(*calls, return_exceptions=True)
        lost = [one for one in ended if isinstance(one, httpx2.TransportError)]
        answered = [(one.status_code, one.text) for one in ended if isinstance(one, httpx2.Response)]
        assert lost and answered == [(200, "late")] * (len(calls) - len(lost))
        # Callers that come now are served by either process.
        async with contextlib.AsyncExitStack() as later:
            fresh = [await later.enter_async_context(client(ready)) for _ in range(24)]
            responses = await asyncio.gather(*(caller.get(PING) for caller in fresh))
        assert {response.status_code for response in responses} == {200}
