"""The runner's measures, each as a ratio against a baseline of the same run. `python -m bench.runner [--quick]`.

`wrk` asks over 16 connections that stay open: it takes a twentieth of a core, so that a second worker has one for itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx2
import uvloop

from bench.engine import ARTIFACTS, QUICK, Host, Rates, request
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.open_store import open_store
from holdfast.engine import Engine, Limits
from holdfast.settings import Settings
from tests.bundles.archives import bundle
from tests.bundles.s3_server import make_bucket, s3_server
from tests.engine import guests, toolchains
from tests.runner.conftest import EXTENSION, TENANT, TOKEN, call_body
from tests.runner.processes import runner_process

CONNECTIONS = 16
SECONDS = 1 if QUICK else 3
ROUNDS = 5 if QUICK else 9
COLD_ROUNDS = 5 if QUICK else 15
COLD_BYTES = 3_000_000
HEADERS = {
    "content-type": "application/json",
    "x-runner-service-token": TOKEN,
    "x-alga-tenant": TENANT,
    "x-alga-extension": EXTENSION,
    "x-request-id": "request-1",
}
_RATE = re.compile(r"Requests/sec:\s*([\d.]+)")


def engine_alone(engine: Engine, wasm: Path) -> Callable[[], Awaitable[float]]:
    """The engine's own calls a second, with as many under way as there are connections."""

    async def measure() -> float:
        component = await engine.load(wasm, guests.sha256(wasm))
        host, limits, sent, count = Host(), Limits(), request(), 0
        until = time.perf_counter() + SECONDS

        async def calls() -> None:
            nonlocal count
            while time.perf_counter() < until:
                outcome = await engine.execute(component, sent, host, limits)
                assert outcome.failure is None, outcome.failure
                count += 1
                await asyncio.sleep(0)

        started = time.perf_counter()
        await asyncio.gather(*[calls() for _ in range(CONNECTIONS)])
        return count / (time.perf_counter() - started)

    return measure


def script(folder: Path, digest: str) -> Path:
    """What `wrk` sends, in its language."""
    lines = ['wrk.method = "POST"', f"wrk.body = [==[{json.dumps(call_body(digest))}]==]"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in HEADERS.items()]
    made = folder / "post.lua"
    made.write_text("\n".join(lines) + "\n")
    return made


def over_http(origin: str, lua: Path) -> Callable[[], Awaitable[float]]:
    """Answers a second of `POST /v1/execute`. Every one of them is a success."""
    command = ["wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", str(SECONDS), "-s", str(lua), f"{origin}/v1/execute"]

    async def measure() -> float:
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = (await process.communicate())[0].decode()
        found = _RATE.search(said)
        assert process.returncode == 0 and found is not None, said
        assert "Non-2xx" not in said and "Socket errors" not in said, said
        return float(found[1])

    return measure


def check(origin: str, digest: str) -> None:
    """The call that is measured gives the guest's answer."""
    with httpx2.Client(base_url=origin, headers=HEADERS, trust_env=False, timeout=60) as client:
        for _ in range(50):  # enough for every worker to have loaded the component
            answer = client.post("/v1/execute", json=call_body(digest), headers={"connection": "close"}).json()
            assert (answer["status"], answer["error"]) == (200, None), answer


async def store_bundle(folder: Path) -> tuple[str, dict[str, str]]:
    """Puts the measured bundle into a store below `folder`. Returns its SHA-256 and the variables that a runner needs for it."""
    wasm = toolchains.build("hello (QuickJS)")
    archive = bundle(folder / "made.tar.zst", {"dist/main.wasm": wasm.read_bytes()})
    digest = hash_file(archive)
    await FolderStore(folder / "bundles").put(bundle_key(TENANT, EXTENSION, digest), archive)
    return digest, {
        "HOLDFAST_ENGINE_POOL": "true",
        "HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS),
        "BUNDLE_STORE_BASE": str(folder / "bundles"),
        "HOLDFAST_LOG_FORMAT": "json",  # as in production: every call is a line of the log
    }


async def calls(folder: Path) -> dict[str, Any]:
    digest, variables = await store_bundle(folder)
    engine = Engine(ARTIFACTS)
    lua = script(folder, digest)
    with ExitStack() as running:
        contestants = {"engine": engine_alone(engine, toolchains.build("hello (QuickJS)"))}
        for workers in (1, 2):
            own = folder / f"runner-{workers}"
            own.mkdir()
            origin, _ = running.enter_context(runner_process(own, "--workers", str(workers), **variables))
            await asyncio.to_thread(check, origin, digest)
            contestants[f"{workers} workers"] = over_http(origin, lua)
        rounds: dict[str, list[float]] = {name: [] for name in contestants}
        for _ in range(ROUNDS):
            for name, measure in contestants.items():
                rounds[name].append(await measure())
    await engine.close()
    rates = Rates(rounds)
    return {
        "calls a second": {name: round(value) for name, value in rates.median.items()},
        "one worker, of the engine's own": rates.ratio("1 workers", "engine"),
        "two workers, times one": rates.ratio("2 workers", "1 workers"),
    }


async def cold_bundle(folder: Path) -> dict[str, Any]:
    """A bundle that is only in the store, over HTTP from an S3-compatible server; its compiled component is there."""
    wasm = toolchains.build("hello (QuickJS)")
    archive = folder / "cold.tar.zst"
    filled = 0
    while True:  # the component shrinks when it is packed, by how much only packing says
        archive = bundle(archive, {"dist/main.wasm": wasm.read_bytes(), "ui/asset.bin": os.urandom(filled)})
        missing = COLD_BYTES - archive.stat().st_size
        if abs(missing) < 1_000:
            break
        filled += missing
    digest = hash_file(archive)
    warm = Engine(ARTIFACTS, pool=False)
    await warm.load(wasm, guests.sha256(wasm))
    await warm.close()
    times = []
    with s3_server(folder) as origin:
        fields: dict[str, Any] = {"bundle_store_base": make_bucket(origin, "bundles"), "s3_access_key": "a", "s3_secret_key": "s"}
        store = open_store(Settings(_env_file=None, **fields))
        await store.put(bundle_key(TENANT, EXTENSION, digest), archive)
        for number in range(COLD_ROUNDS):
            engine = Engine(ARTIFACTS, pool=False)
            await engine.check_wasmtime()
            cache = BundleCache(folder / f"cache-{number}", store)
            started = time.perf_counter()
            unpacked = await cache.ensure(TENANT, EXTENSION, digest)
            assert unpacked.component is not None and unpacked.component_sha256 is not None
            await engine.load(unpacked.component, unpacked.component_sha256)
            times.append((time.perf_counter() - started) * 1_000)
            await cache.close()
            await engine.close()
    return {
        "bytes": archive.stat().st_size,
        "download, verify, unpack, load, ms": round(statistics.median(times), 1),
        "slowest, ms": round(max(times), 1),
    }


async def run() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return {"POST /v1/execute, QuickJS hello": await calls(Path(folder)), "cold bundle of 3 MB": await cold_bundle(Path(folder))}


def main() -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps({"quick": QUICK, "measured": runner.run(run())}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
