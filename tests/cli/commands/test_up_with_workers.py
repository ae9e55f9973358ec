"""`holdfast up --workers N --runner-workers M`: several processes on each port, with the promises of one."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx2
import psutil
import psycopg
import pytest

from holdfast.console.login_rate_limit import MAX_FAILURES_PER_ACCOUNT
from tests.cli.command_runner import Platform, alive
from tests.records.postgres import PostgresServer
from tests.waiting import MAX_WAIT_SECONDS, wait_until

PING = "/api/ext/com.example.sample/ping"
CONNECTIONS = 32
"""So many that all of them reach the same of two workers only once in two thousand million runs."""


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def variables(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Where the records are."""
    if request.param == "sqlite":
        yield {}
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    with server.empty() as url:
        yield {"DATABASE_URL": url.replace("postgresql+psycopg", "postgres")}


@contextmanager
def clients(ready: dict[str, Any], count: int) -> Iterator[list[httpx2.Client]]:
    """Clients with a connection each."""
    with ExitStack() as opened:
        options: dict[str, Any] = {"base_url": ready["console"], "trust_env": False, "timeout": MAX_WAIT_SECONDS}
        yield [opened.enter_context(httpx2.Client(headers={"x-api-key": ready["api_key"]}, **options)) for _ in range(count)]


def connected(pid: int, port: int) -> int:
    """How many connections of the port a process has accepted."""
    return sum(one.laddr.port == port and one.status == psutil.CONN_ESTABLISHED for one in psutil.Process(pid).net_connections())


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A temporary folder for one platform alone. Its path is short: Unix sockets go below it."""
    with tempfile.TemporaryDirectory(prefix="hf") as folder:
        yield Path(folder)


def ping(client: httpx2.Client) -> tuple[int, str]:
    response = client.get(PING)
    return response.status_code, response.text


def test_workers_share_the_port_the_limits_and_what_happens_to_one(
    tmp_path: Path, extension: Path, temporary: Path, variables: dict[str, Any]
) -> None:
    with Platform(tmp_path, extension, "--workers", "2", "--runner-workers", "2", TMPDIR=str(temporary), **variables) as platform:
        ready = platform.ready()
        port = int(ready["console"].rpartition(":")[2])
        workers, runners = platform.children("holdfast.platform"), platform.children("holdfast.runner")
        assert (len(workers), len(runners)) == (2, 2)

        with clients(ready, CONNECTIONS) as callers:
            assert {ping(client) for client in callers} == {(200, "ok")}
            assert all(connected(pid, port) for pid in workers)
            assert sum(connected(pid, port) for pid in workers) >= CONNECTIONS  # the runner has some too
            assert connected(platform.process.pid, port) == 0
            _assert_only_workers_follow_changes(variables)
            _assert_logins_are_limited_together(callers)
            killed = min(workers)
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: len(platform.children("holdfast.platform") - {killed}) == 2)
            # Connections of the killed worker are gone; new ones wait in its queue for its successor.
            assert sum(_survives(client) for client in callers) >= 1
        with clients(ready, CONNECTIONS) as callers:
            assert {ping(client) for client in callers} == {(200, "ok")}
            assert all(connected(pid, port) for pid in platform.children("holdfast.platform"))

        everything = platform.children("holdfast.platform") | platform.children("holdfast.runner")
        platform.process.send_signal(signal.SIGTERM)
        assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == 0
        assert alive(everything) == []
        assert "Traceback" not in platform.stderr_text()
    assert list(temporary.glob("holdfast-*")) == []


def _assert_only_workers_follow_changes(variables: dict[str, Any]) -> None:
    """A revocation on Postgres waits for every process that follows; the parent has nothing to forget."""
    if "DATABASE_URL" in variables:
        with psycopg.connect(variables["DATABASE_URL"]) as connection:
            feeds = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast change feed'"
            followers = connection.execute(feeds)
            assert followers.fetchall() == [(2,)]


def _assert_logins_are_limited_together(callers: list[httpx2.Client]) -> None:
    form = {"email": "guess@example.com", "password": "wrong", "next": "/"}
    origin = str(callers[0].base_url).rstrip("/")
    statuses = [client.post("/login", data=form, headers={"origin": origin}).status_code for client in callers]
    assert statuses == [401] * MAX_FAILURES_PER_ACCOUNT + [429] * (len(callers) - MAX_FAILURES_PER_ACCOUNT)


def _survives(client: httpx2.Client) -> bool:
    try:
        return ping(client) == (200, "ok")
    except httpx2.TransportError:
        return False


def test_no_process_and_no_folder_of_a_killed_platform_stays(tmp_path: Path, temporary: Path) -> None:
    with Platform(tmp_path, "--workers", "2", "--runner-workers", "2", TMPDIR=str(temporary)) as platform:
        platform.ready()
        children = platform.children("holdfast.platform") | platform.children("holdfast.runner")
        shared = list(temporary.glob("holdfast-*"))
        assert len(children) == 4 and len(shared) == 3
        assert {folder.stat().st_mode & 0o077 for folder in shared} == {0}
        platform.process.kill()
        platform.process.wait(timeout=MAX_WAIT_SECONDS)
        assert alive(children) == []
    assert list(temporary.glob("holdfast-*")) == []


def test_what_no_worker_could_start_with_is_reported_once(tmp_path: Path) -> None:
    with Platform(tmp_path, "--workers", "2", RUNNER_PUBLIC_BASE="nonsense:") as platform:
        assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == 1
        assert platform.stderr_text().count("RUNNER_PUBLIC_BASE") == 1
