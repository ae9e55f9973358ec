"""Saves on a platform with PostgreSQL, an S3-compatible store, two gateways and two runners, each with a cache of its own.

What saves replace is removed from all of them, and no call fails for it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import pytest

from holdfast.registry.lifecycle.replaced import KEPT_BUNDLES
from tests.bundles.s3_server import make_bucket, s3_server
from tests.cli.command_runner import Platform
from tests.dev.dev_process import DevProcess, number_source, save, write_handler_extension
from tests.events.recording_server import free_port
from tests.records.postgres import PostgresServer
from tests.runner.processes import runner_process
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS, wait_until

PATH = "/api/ext/com.example.alpha/n"


class Caller:
    """Calls again and again until it is stopped, over a connection of its own, and keeps what it got."""

    def __init__(self, console: str, api_key: str) -> None:
        self.answers: list[tuple[int, str]] = []
        self._to = (console, api_key)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with connection(*self._to) as client:
            while not self._stop.is_set():
                response = client.get(PATH)
                self.answers.append((response.status_code, response.text))

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(timeout=MAX_WAIT_SECONDS)


@contextmanager
def connection(console: str, api_key: str) -> Iterator[httpx2.Client]:
    headers = {"x-api-key": api_key}
    with httpx2.Client(base_url=console, headers=headers, trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
        yield client


def stored_bundles(bucket: str) -> int:
    """How many archives the bucket has."""
    return httpx2.get(bucket, trust_env=False, timeout=MAX_WAIT_SECONDS).text.count("/bundle.tar.zst</Key>")


def cached_bundles(runner: Path) -> int:
    """How many bundles are unpacked in the cache of a runner."""
    return len([path for path in (runner / "data" / "cache").iterdir() if len(path.name) == 64])


@pytest.mark.process
@pytest.mark.postgres
def test_what_saves_replace_is_removed_from_the_bucket_the_database_and_both_runners(tmp_path: Path, postgres: PostgresServer) -> None:
    choices, port = random.Random(5), free_port()
    project = write_handler_extension(tmp_path / "alpha", "alpha")
    runners = [tmp_path / "one", tmp_path / "two"]
    with ExitStack() as running:
        database = running.enter_context(postgres.empty())
        bucket = make_bucket(running.enter_context(s3_server(tmp_path)), "extensions")
        shared = {
            "BUNDLE_STORE_BASE": bucket,
            "S3_ACCESS_KEY": "minioadmin",
            "S3_SECRET_KEY": "minioadmin",
            "S3_REGION": "us-east-1",
            "RUNNER_SERVICE_TOKEN": "a-token-of-all",
            "ALGA_AUTH_KEY": "a-key-of-all",
        }
        origins = []
        for folder in runners:
            folder.mkdir()
            of_runner = {**shared, "REGISTRY_BASE_URL": f"http://127.0.0.1:{port}"}
            origins.append(running.enter_context(runner_process(folder, **of_runner))[0])
        of_gateway = {**shared, "DATABASE_URL": database, "RUNNER_BASE_URL": ",".join(origins)}
        # `holdfast dev` joins a platform with one gateway; the other one serves from the same database and store.
        platform = running.enter_context(Platform(tmp_path, as_json=True, port=port, command="up", **of_gateway))
        ready = platform.ready()
        (tmp_path / "other").mkdir()
        other = running.enter_context(Platform(tmp_path / "other", as_json=True, port=0, command="gateway", **of_gateway))
        consoles = [ready["console"], other.ready()["console"]]
        # Without the variables: it works on what the platform works on.
        dev = running.enter_context(DevProcess(tmp_path, project, "--data-dir", platform.data_dir))
        dev.wait_for("watching")
        assert dev.wait_for("platform")["is_own"] is False
        assert dev.count("failed") == 0, dev.described()

        callers = [Caller(console, ready["api_key"]) for console in consoles]
        saves = repetitions(6, long=300)
        for number in range(1, saves + 1):
            seen = len(dev.events)
            save(project / "src" / "number.ts", number_source(number))
            # Most saves are installed before the next one comes; others follow while a build or an install runs.
            if choices.random() < 0.8 or number == saves:
                dev.wait_for("built", after=seen)
        for console in consoles:
            with connection(console, ready["api_key"]) as client:
                wait_until(lambda client=client: client.get(PATH).json() == {"number": saves}, dev.described)  # type: ignore[misc]
        for caller in callers:
            caller.stop()
        answers = [answer for caller in callers for answer in caller.answers]
        assert {status for status, _ in answers} == {200}, [answer for answer in answers if answer[0] != 200]
        assert len(answers) > len(callers)

        kept = 1 + KEPT_BUNDLES
        wait_until(lambda: stored_bundles(bucket) == kept, lambda: stored_bundles(bucket))
        assert postgres.psql(database, "SELECT count(*) FROM extension_bundle") == str(kept)
        assert postgres.psql(database, "SELECT count(*) FROM extension_version") == "1"
        wait_until(lambda: postgres.psql(database, "SELECT count(*) FROM extension_pending_object") == "0")
        # A runner removes when it fetches the next one: it has at most one more than it keeps.
        assert all(cached_bundles(runner) <= kept + 1 for runner in runners), [cached_bundles(runner) for runner in runners]
        assert sum(cached_bundles(runner) for runner in runners) > 0
        assert not (platform.data_dir / "bundles").exists()
