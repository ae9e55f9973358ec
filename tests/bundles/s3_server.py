"""An S3-compatible server in its own process, on a free port of loopback."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from tests.waiting import MAX_WAIT_SECONDS

_RUNNING = re.compile(r"Running on (http://127\.0\.0\.1:\d+)")


class S3Process:
    """A server, which can be stopped and started again on the same port with the objects that it had."""

    def __init__(self, folder: Path) -> None:
        self.origin = "http://127.0.0.1:0"
        self._log = folder / "s3.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._objects: dict[str, bytes] = {}
        self._buckets: list[str] = []

    def start(self) -> None:
        """Starts it; after `stop` with the same buckets and objects."""
        port = self.origin.rpartition(":")[2]
        with self._log.open("wb") as output:
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", port]
            self._process = subprocess.Popen(command, stdout=output, stderr=output)
        self.origin = _origin(self._log, self._process)
        with _client() as client:
            for path, content in ((f"/{bucket}", b"") for bucket in self._buckets):
                assert client.put(f"{self.origin}{path}", content=content).status_code == 200
            for path, content in self._objects.items():
                assert client.put(f"{self.origin}{path}", content=content).status_code == 200

    def stop(self) -> None:
        """Ends it. What it stores is read first, because it keeps everything in memory."""
        with _client() as client:
            self._buckets = re.findall(r"<Bucket>.*?<Name>([^<]+)</Name>", client.get(self.origin).text)
            for bucket in self._buckets:
                for key in re.findall(r"<Key>([^<]+)</Key>", client.get(f"{self.origin}/{bucket}").text):
                    stored = client.get(f"{self.origin}/{bucket}/{key}")
                    assert stored.status_code == 200, stored
                    self._objects[f"/{bucket}/{key}"] = stored.content
        self.kill()

    def kill(self) -> None:
        """Ends it with everything it stores."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=MAX_WAIT_SECONDS)
            finally:
                self._process.kill()
                self._process = None


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The origin of a running server. Its log is `folder/s3.log`. It stops when the block ends."""
    with s3_process(folder) as process:
        yield process.origin


@contextmanager
def s3_process(folder: Path) -> Iterator[S3Process]:
    """The same, for tests that stop and start it."""
    process = S3Process(folder)
    process.start()
    try:
        yield process
    finally:
        process.kill()


def _client() -> httpx2.Client:
    # The server does not verify signatures, but only requests with one may read what others with one stored.
    signature = "AWS4-HMAC-SHA256 Credential=tests/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none"
    return httpx2.Client(trust_env=False, timeout=MAX_WAIT_SECONDS, headers={"authorization": signature})


def make_bucket(origin: str, name: str) -> str:
    """The address of a new bucket, as BUNDLE_STORE_BASE names it."""
    with httpx2.Client(trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
        assert client.put(f"{origin}/{name}").status_code == 200
    return f"{origin}/{name}"


def _origin(log: Path, process: subprocess.Popen[bytes]) -> str:
    until = time.monotonic() + MAX_WAIT_SECONDS
    while (running := _RUNNING.search(log.read_text())) is None:
        assert process.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.02)
    return running.group(1)
