"""A real Redis server on a free loopback port, without persistence."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, RedisError
from redis.retry import Retry

from tests.events.recording_server import free_port
from tests.waiting import MAX_WAIT_SECONDS

SERVER = "/usr/bin/redis-server"
COMMAND_LINE = "/usr/bin/redis-cli"


class RedisProcess:
    """One server, which can be stopped and started again on the same port."""

    def __init__(self, folder: Path, *options: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self._folder = folder
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it and waits until it responds, even if only with an authentication error."""
        fixed = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(self._folder), "--daemonize", "no"]
        with (self._folder / "redis.log").open("ab") as log:
            self._process = subprocess.Popen([SERVER, "--port", str(self.port), *fixed, *self._options], stdout=log, stderr=log)
        deadline = time.monotonic() + MAX_WAIT_SECONDS
        with Redis(port=self.port, socket_timeout=MAX_WAIT_SECONDS, retry=Retry(NoBackoff(), 0)) as client:
            while True:
                try:
                    client.ping()
                    return
                except AuthenticationError:
                    return
                except RedisError:
                    assert time.monotonic() < deadline, (self._folder / "redis.log").read_text()
                    assert self._process.poll() is None, (self._folder / "redis.log").read_text()
                    time.sleep(0.01)

    def stop(self) -> None:
        """Kills it, hung or not."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=MAX_WAIT_SECONDS)
            self._process = None

    def hang(self) -> None:
        """Suspends it: it accepts connections and never responds."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Ends `hang`."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def command(self, *words: str) -> str:
        """What `redis-cli` prints for a command."""
        return subprocess.run(
            [COMMAND_LINE, "-p", str(self.port), *words], capture_output=True, text=True, check=True, timeout=MAX_WAIT_SECONDS
        ).stdout

    def client(self, password: str | None = None) -> Redis:
        """A client for checks; text is `str`."""
        return Redis(port=self.port, password=password, decode_responses=True, socket_timeout=MAX_WAIT_SECONDS)

    def entries(self, key: str) -> list[dict[str, str]]:
        """The fields of every entry of a stream."""
        with self.client() as client:
            found: list[tuple[str, dict[str, str]]] = client.xrange(key)
        return [fields for _, fields in found]


@contextmanager
def redis_process(folder: Path, *options: str, port: int | None = None) -> Iterator[RedisProcess]:
    """A server that runs within the block."""
    process = RedisProcess(folder, *options, port=port)
    process.start()
    try:
        yield process
    finally:
        process.stop()
