"""Starts that are killed: `python -m tests.runner.killing STORE CACHE ARTIFACTS` reads an order from each line and prints a report for it.

Every order starts a child, forked from this warm process: fetch, unpack, compile, load, call, as a runner does. `{"digest": …}`
runs it to its end and reports the response of the guest; this process then imports what the child imported, so that later children
have only the steps of a start that are its own. With `"step": n` the child is killed at the n-th step that an audit hook
sees (files opened, renamed, removed, processes started). With `"after": "start" | "cached", "seconds": s`, the child is killed that
long after its start or after the bundle is in the cache.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.store.folder import FolderStore
from holdfast.engine import Engine, Limits
from tests.engine.conftest import RecordingHost, request
from tests.waiting import MAX_WAIT_SECONDS

_Folders = tuple[Path, Path, Path]
"""Store, cache and artifacts."""

_STEPS = ("open", "os.", "shutil.", "fcntl.", "subprocess.")


class _Steps:
    """Counts the steps of this process, and kills it at one of them."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self._last = last

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if event.startswith(_STEPS):
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


async def _start(store: Path, cache_root: Path, artifacts: Path, digest: str, write_end: int) -> dict[str, Any]:
    began = time.perf_counter()
    os.write(write_end, b"start\n")
    cache = BundleCache(cache_root, FolderStore(store))
    engine = Engine(artifacts, pool=False)
    async with cache.use("t", "e", digest) as bundle:
        cached = time.perf_counter() - began
        os.write(write_end, b"cached\n")
        assert bundle.component is not None and bundle.component_sha256 is not None
        component = await engine.load(bundle.component, bundle.component_sha256)
    # A generous deadline: on a busy machine the default of 5 s can pass before the guest runs.
    outcome = await engine.execute(component, request(), RecordingHost(), Limits(timeout_ms=int(MAX_WAIT_SECONDS * 1_000)))
    assert outcome.response is not None, outcome.failure
    await engine.close()
    await cache.close()
    answer = f"{outcome.response.status} {(outcome.response.body or b'').decode()}"
    return {"answer": answer, "cached": cached, "seconds": time.perf_counter() - began}


def _child(folders: _Folders, order: dict[str, Any], write_end: int) -> None:
    steps = _Steps(order.get("step"))
    sys.addaudithook(steps)
    report = asyncio.run(_start(*folders, order["digest"], write_end))
    os.write(write_end, json.dumps(report | {"steps": steps.count, "modules": list(sys.modules)}).encode() + b"\n")


def _run(folders: _Folders, order: dict[str, Any]) -> dict[str, Any]:
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.close(read_end)
            _child(folders, order, write_end)
            code = 0
        finally:
            os._exit(code)
    os.close(write_end)
    report: dict[str, Any] = {"stages": []}
    try:
        with os.fdopen(read_end, "rb") as lines:
            for line in lines:
                stage = line.decode().strip()
                if stage.startswith("{"):
                    report |= json.loads(stage)
                    continue
                report["stages"].append(stage)
                if stage == order.get("after"):
                    time.sleep(order["seconds"])
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
    finally:
        _, status = os.waitpid(child, 0)
    for name in report.pop("modules", ()):
        importlib.import_module(name)
    report["code"] = os.waitstatus_to_exitcode(status)
    return report


def main() -> None:
    store, cache, artifacts = (Path(argument) for argument in sys.argv[1:4])
    for line in sys.stdin:
        print(json.dumps(_run((store, cache, artifacts), json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
