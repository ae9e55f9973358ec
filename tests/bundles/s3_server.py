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


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """The origin of a running server. Its log is `folder/s3.log`. It stops when the block ends."""
    log = folder / "s3.log"
    with (
        log.open("wb") as output,
        subprocess.Popen([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", "0"], stdout=output, stderr=output) as process,
    ):
        try:
            yield _origin(log, process)
        finally:
            process.terminate()
            try:
                process.wait(timeout=MAX_WAIT_SECONDS)
            finally:
                process.kill()


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
