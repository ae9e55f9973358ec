"""`POST /warmup` while a component compiles: the state is reported, requests join, and the runner stays ready."""

from __future__ import annotations

import asyncio
import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from holdfast.bundles.store.hashing import hash_file
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, Runner, StartRunner


async def warm(runner: Runner, digest: str, **parts: object) -> httpx2.Response:
    body = {"tenant_id": TENANT, "extension_id": EXTENSION, "content_hash": digest} | parts
    return await runner.client.post("/warmup", json=body, headers={"x-runner-service-token": TOKEN})


@contextmanager
def another_process_compiles(component: Path, artifacts: Path) -> Iterator[None]:
    """Holds the lock that a process holds while it compiles the component, so that compiling lasts as long as the test wants."""
    artifacts.mkdir(parents=True, exist_ok=True)
    with (artifacts / f"{hash_file(component)}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


async def test_the_state_is_reported_while_a_bundle_is_prepared(start_runner: StartRunner, tmp_path: Path) -> None:
    runner = await start_runner(artifact_root=tmp_path / "own-artifacts")
    compilations: list[float] = []
    runner.services.engine.artifacts.on_compile = compilations.append
    component = guests.fine()
    digest = await runner.put(component)
    with another_process_compiles(component, tmp_path / "own-artifacts"):
        first = await warm(runner, digest, wait_ms=0)
        assert (first.status_code, first.json()) == (202, {"ok": False, "state": "preparing"})
        assert int(first.headers["retry-after"]) > 0
        assert (await warm(runner, f"sha256:{digest.upper()}", wait_ms=30)).status_code == 202
        assert (await runner.client.get("/readyz")).json() == {"ready": True, "calls": 0}
        waiting = [asyncio.create_task(warm(runner, digest, **parts)) for parts in ({}, {"wait_ms": 600_000})]
    old, new = await asyncio.gather(*waiting)
    assert (old.status_code, old.json()) == (200, {"ok": True, "component": True})
    assert (new.status_code, new.json()) == (200, {"ok": True, "component": True, "state": "ready"})
    assert (await warm(runner, digest, wait_ms=0)).json()["state"] == "ready"
    assert len(compilations) == 1


async def test_a_bundle_whose_preparation_failed_is_an_error_for_those_who_wait(runner: Runner) -> None:
    digest = await runner.put(files={"dist/main.wasm": b"no component"})
    for parts in ({}, {"wait_ms": 600_000}):
        response = await warm(runner, digest, **parts)
        assert (response.status_code, response.json()["error"]) == (422, "not_a_component")


async def test_an_impossible_wait_is_refused(runner: Runner) -> None:
    for wait_ms in (-1, 600_001, "soon"):
        assert (await warm(runner, "ab" * 32, wait_ms=wait_ms)).status_code == 400
