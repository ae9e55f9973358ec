"""`holdfast runner --workers N`: processes that share a port, are replaced when they die, and stop together without losing a call."""

from __future__ import annotations

import asyncio
import signal
import socket
from pathlib import Path

import httpx2
import psutil
import pytest

from holdfast.processes import child_process as child
from holdfast.processes.sockets import listen, listen_together, port_of
from holdfast.processes.workers import WorkersNotStarting
from holdfast.runner.process.supervisor import run_workers
from holdfast.settings import Settings
from tests.cli.command_runner import alive, run
from tests.runner import guests
from tests.runner.conftest import body_of
from tests.runner.running import StartWorkers

CONNECTIONS = 32
"""So many that all of them reach the same of two workers only once in two thousand million runs."""


def connected(pid: int, port: int) -> int:
    """How many connections of the port a process has accepted."""
    return sum(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(pid).net_connections())


async def test_all_workers_share_the_connections_and_a_killed_worker_is_replaced(start_workers: StartWorkers) -> None:
    runner = start_workers(2)
    before = runner.workers()
    assert len(before) == 2
    clients = [runner.client() for _ in range(CONNECTIONS)]
    responses = await asyncio.gather(*[client.get("/readyz") for client in clients])
    assert {response.status_code for response in responses} == {200}
    assert all(connected(pid, runner.port) for pid in before)
    assert sum(connected(pid, runner.port) for pid in before) == CONNECTIONS
    await asyncio.gather(*[client.aclose() for client in clients])

    killed = before.pop()
    psutil.Process(killed).kill()
    # Half of the connections reach the socket of the killed worker and wait there for its replacement.
    responses = await asyncio.gather(*[runner.ask("/healthz") for _ in range(CONNECTIONS)])
    assert {response.status_code for response in responses} == {200}
    after = runner.workers()
    folder = Path(psutil.Process(next(iter(after))).environ()["HOLDFAST_WORKERS_DIR"])
    assert len(after) == 2 and before < after and killed not in after

    runner.process.send_signal(signal.SIGTERM)
    assert await runner.ended() == 0
    assert alive(after) == []
    assert not folder.exists()


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_stop_lets_a_call_finish_and_accepts_no_more(start_workers: StartWorkers, workers: int) -> None:
    runner = start_workers(workers)
    async with runner.client() as idle:
        assert (await idle.get("/readyz")).status_code == 200
        call = await runner.begin(await runner.put(guests.sleeping(4)))
        runner.process.send_signal(signal.SIGTERM)
        response = await call
        assert (response.json()["status"], body_of(response.json())) == (200, b"ok")
        assert response.headers["connection"] == "close"
        assert await runner.ended() == 0
        with pytest.raises(httpx2.TransportError):
            await idle.get("/readyz")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", runner.port))


@pytest.mark.parametrize("workers", [1, 2])
async def test_a_second_signal_stops_without_waiting_for_calls(start_workers: StartWorkers, workers: int) -> None:
    runner = start_workers(workers)
    call = await runner.begin(await runner.put(guests.endless()))
    runner.process.send_signal(signal.SIGTERM)
    with pytest.raises(httpx2.TransportError):
        while True:  # until the stop has begun
            await runner.ask("/readyz")
    runner.process.send_signal(signal.SIGTERM)
    response = await call
    assert (response.status_code, response.json()["error"]) == (503, "stopping")
    assert await runner.ended() == 0


async def test_when_the_parent_is_killed_no_worker_and_no_folder_stays(start_workers: StartWorkers) -> None:
    runner = start_workers(2)
    workers = runner.workers()
    folder = Path(psutil.Process(next(iter(workers))).environ()["HOLDFAST_WORKERS_DIR"])
    assert folder.is_dir() and folder.stat().st_mode & 0o077 == 0
    runner.process.kill()
    assert await runner.ended() == -signal.SIGKILL
    assert alive(workers) == []
    assert not folder.exists()


async def test_a_worker_that_cannot_start_stops_the_runner_with_the_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "FIRST_PAUSE_SECONDS", 0.0)
    monkeypatch.setenv("RUNNER_SERVICE_TOKEN", "t")
    monkeypatch.setenv("BUNDLE_STORE_BASE", "gopher://nowhere")
    settings = Settings(_env_file=None, data_dir=tmp_path)
    sockets = listen_together("127.0.0.1", 0, 1, purpose="a test", variable="RUNNER_PORT")
    before = set(psutil.Process().children())  # servers that other tests share
    with pytest.raises(WorkersNotStarting, match=r"do not start\. .*gopher"):
        await run_workers(settings, sockets, lambda: pytest.fail("on_ready was called"))
    assert [one.fileno() for one in sockets] == [-1]
    assert set(psutil.Process().children()) <= before


def test_a_port_of_another_process_is_rejected_even_if_that_process_shares_it(tmp_path: Path) -> None:
    with listen_together("127.0.0.1", 0, 1, purpose="a test", variable="")[0] as taken:
        port = str(port_of(taken))
        ended = run("runner", "--workers", "2", "--port", port, cwd=tmp_path, RUNNER_SERVICE_TOKEN="t")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert f"Port {port}, needed by the runner, is taken by" in ended.stderr


@pytest.mark.parametrize("count", ["0", "257"])
def test_an_invalid_number_of_workers_is_rejected(tmp_path: Path, count: str) -> None:
    ended = run("runner", "--workers", count, cwd=tmp_path, RUNNER_SERVICE_TOKEN="t")
    assert ended.returncode == 1
    assert f"runner_workers={count!r} (command line) is invalid" in ended.stderr


def test_a_port_that_is_free_again_can_be_shared(tmp_path: Path) -> None:
    with listen("127.0.0.1", 0, purpose="a test", variable="") as before:
        port = port_of(before)
        with socket.create_connection(("127.0.0.1", port)), before.accept()[0]:
            pass
    sockets = listen_together("127.0.0.1", port, 3, purpose="a test", variable="")
    assert [port_of(one) for one in sockets] == [port] * 3
    for one in sockets:
        one.close()
