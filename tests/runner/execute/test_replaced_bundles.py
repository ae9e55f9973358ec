"""In development, a runner keeps only the newest bundles of an extension, on disk and in memory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from holdfast.bundles.signing.errors import SignatureRejected
from tests.runner import guests
from tests.runner.conftest import EXTENSION, TENANT, Runner, StartRunner, call_body
from tests.session.effort import repetitions
from tests.waiting import until

KEPT = 3


@pytest.fixture
async def runner(start_runner: StartRunner, tmp_path: Path) -> Runner:
    return await start_runner(artifact_root=tmp_path / "artifacts")


def artifacts(runner: Runner) -> list[str]:
    return sorted(file.name for file in (runner.root / "artifacts").iterdir() if file.suffix in (".cwasm", ".mac", ".lock", ".tmp"))


async def test_saves_leave_nothing_in_the_caches(runner: Runner) -> None:
    digests = []
    for number in range(repetitions(6, long=60)):
        digests.append(await runner.put(guests.with_headers(("x-save", str(number)))))
        assert (await runner.call(digests[-1]))["error"] is None
        newest = sorted(digests[-KEPT:])
        await until(lambda: runner.cached() == newest, runner.cached)  # noqa: B023 - within this round
    await until(lambda: len([name for name in artifacts(runner) if name.endswith(".cwasm")]) == KEPT, lambda: artifacts(runner))
    # An artifact, its MAC and its lock for each, and the lock of the host's key.
    assert len(artifacts(runner)) == 3 * KEPT + 1
    # What was removed runs again as long as the store has it.
    assert (await runner.call(digests[0]))["error"] is None


async def test_bundles_that_share_a_component_keep_it_compiled(runner: Runner) -> None:
    component = guests.fine()
    for number in range(KEPT + 3):
        digest = await runner.put(component, {"ui/index.html": f"<p>{number}".encode()})
        assert (await runner.call(digest))["error"] is None
    await until(lambda: len(runner.cached()) == KEPT, runner.cached)
    assert len([name for name in artifacts(runner) if name.endswith(".cwasm")]) == 1
    assert runner.services.engine.loaded(digest) is None  # by the hash of the component, not of the bundle
    bundle = runner.services.cache.peek(TENANT, EXTENSION, digest)
    assert bundle is not None and runner.services.engine.loaded(str(bundle.component_sha256)) is not None


async def test_a_bundle_in_use_stays_until_its_use_ends(runner: Runner) -> None:
    first = await runner.put(guests.fine(), {"ui/index.html": b"first"})
    async with runner.services.cache.use(TENANT, EXTENSION, first):
        for number in range(KEPT + 1):
            await runner.call(await runner.put(guests.fine(), {"ui/index.html": f"{number}".encode()}))
        await until(lambda: len(runner.cached()) == KEPT + 1, runner.cached)
        assert first in runner.cached()
    await runner.call(await runner.put(guests.fine(), {"ui/index.html": b"last"}))
    await until(lambda: len(runner.cached()) == KEPT and first not in runner.cached(), runner.cached)


async def test_a_call_that_runs_is_not_affected(runner: Runner) -> None:
    waiting = await runner.put(guests.sleeping(1.0), {"ui/index.html": b"waiting"})
    await runner.call(waiting)
    running = asyncio.create_task(runner.post(call_body(waiting)))
    for number in range(KEPT + 1):
        await runner.call(await runner.put(guests.fine(), {"ui/index.html": f"{number}".encode()}))
    assert (await running).json()["error"] is None


async def test_production_keeps_what_the_quota_allows(start_runner: StartRunner) -> None:
    runner = await start_runner(environment="production")
    for number in range(KEPT + 2):
        digest = await runner.put(files={"ui/index.html": f"{number}".encode()})
        with pytest.raises(SignatureRejected):
            await runner.services.cache.ensure(TENANT, EXTENSION, digest)
    assert len(runner.cached()) == KEPT + 2
