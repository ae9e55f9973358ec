"""A first call never pays for compiling: bundles are prepared in advance. A call that comes too early waits, or learns when to come back.

No test depends on how long compiling takes: it needs a lock of the component, which the test holds as another process would.
"""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update
from starlette.responses import Response

from holdfast.concurrency.tasks import end_task
from holdfast.gateway.runners import RunnerClient
from holdfast.records.database.database import Database
from holdfast.records.models.users import User
from holdfast.registry.actors import local_actor
from holdfast.registry.models.installs import ExtensionBundle
from holdfast.registry.publishing.results import Published
from tests.events.recording_server import Recorded
from tests.gateway.platform import SERVICE_TOKEN, Platform
from tests.gateway.platform import platform as made
from tests.records.databases import TENANT
from tests.registry.extensions import archive_of
from tests.runner import guests
from tests.runner.processes import runner_process
from tests.waiting import until

NOTES = "/api/ext/com.example.notes/notes"
EXTENSIONS = "/api/v1/extensions"


@contextmanager
def compiling_held(artifacts: Path, component: Path) -> Iterator[None]:
    """No process compiles the component within the block."""
    artifacts.mkdir(exist_ok=True)
    digest = hashlib.sha256(component.read_bytes()).hexdigest()
    with (artifacts / f"{digest}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Real:
    """A gateway with a runner that is a process of its own, and an installed extension whose component was never compiled."""

    def __init__(self, platform: Platform, artifacts: Path, component: Path) -> None:
        self.platform = platform
        self.artifacts = artifacts
        self.component = component

    async def call(self, headers: dict[str, str]) -> httpx2.Response:
        return await self.platform.http.get(NOTES, headers=headers)

    def is_compiled(self) -> bool:
        digest = hashlib.sha256(self.component.read_bytes()).hexdigest()
        return any(self.artifacts.glob(f"{digest}-*.cwasm"))


@contextmanager
def runner_of(folder: Path, artifacts: Path) -> Iterator[str]:
    variables = {
        "RUNNER_SERVICE_TOKEN": SERVICE_TOKEN,
        "BUNDLE_STORE_BASE": str(folder / "bundles"),
        "HOLDFAST_ARTIFACT_ROOT": str(artifacts),
    }
    with runner_process(folder, **variables) as (origin, _):
        yield origin


async def prepared_platform(platform: Platform, origin: str, artifacts: Path) -> Real:
    await platform.services.runner.close()
    platform.services.runner = RunnerClient(origin, SERVICE_TOKEN)
    return Real(platform, artifacts, guests.fine())


@pytest.mark.process
async def test_calls_wait_until_the_bundle_is_compiled(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    with runner_of(tmp_path, artifacts) as origin:
        async with made(tmp_path, environment="development", gateway_timeout_ms=60_000) as platform:
            real = await prepared_platform(platform, origin, artifacts)
            admin = await platform.admin()
            with compiling_held(artifacts, real.component):
                await platform.install("real.tar.zst", wasm=real.component.read_bytes(), version="1.0.1")
                calls = [asyncio.create_task(real.call(admin)) for _ in range(3)]
                warmups = platform.services.runner._warmups
                await until(lambda: len(warmups._flights) == 1)
                assert not any(call.done() for call in calls)
            assert [response.text for response in await asyncio.gather(*calls)] == ["ok"] * 3
            assert {row.status for row in await platform.log()} == {"ok"}


@pytest.mark.process
async def test_a_call_with_a_short_deadline_learns_when_to_come_back(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    with runner_of(tmp_path, artifacts) as origin:
        async with made(tmp_path, environment="development", gateway_timeout_ms=300) as platform:
            real = await prepared_platform(platform, origin, artifacts)
            admin = await platform.admin()
            with compiling_held(artifacts, real.component):
                await platform.install("real.tar.zst", wasm=real.component.read_bytes(), version="1.0.1")
                # On a busy machine, the runner may not even say within the deadline that the bundle is not ready.
                while (response := await real.call(admin)).json()["error"] == "gateway_timeout":
                    pass
                assert (response.status_code, response.json()["error"], response.headers["retry-after"]) == (503, "being_prepared", "2")
                row = (await platform.log())[-1]
                assert (row.status, row.error) == ("error", "being_prepared")
                assert not real.is_compiled()
            # The preparation goes on without a call that waits for it.
            await until(real.is_compiled)
            while (response := await real.call(admin)).status_code != 200:
                assert response.json()["error"] in ("being_prepared", "gateway_timeout"), response.text


@pytest.mark.process
async def test_an_install_through_the_api_compiles_without_a_call(tmp_path: Path) -> None:
    artifacts = tmp_path / "artifacts"
    with runner_of(tmp_path, artifacts) as origin:
        async with made(tmp_path, environment="development") as platform:
            real = await prepared_platform(platform, origin, artifacts)
            admin = await platform.admin()
            installed = await platform.install("real.tar.zst", wasm=real.component.read_bytes(), version="1.0.1")
            assert not real.is_compiled()
            for action in ("disable", "enable"):
                response = await platform.http.post(f"{EXTENSIONS}/{installed.registry_id}/{action}", headers=admin)
                assert response.status_code == 200, response.text
            await until(real.is_compiled)


def prepared(platform: Platform) -> list[Any]:
    """The content hashes that the runner was asked to prepare."""
    return [request.json["content_hash"] for request in platform.runner.requests if request.path == "/warmup"]


async def test_install_upgrade_rollback_and_enable_prepare_the_bundle_that_runs_then(tmp_path: Path) -> None:
    async with made(tmp_path, environment="development") as platform:
        platform.runner.reply({})
        admin = await platform.admin()

        async def publish(version: str) -> Published:
            archive = archive_of(tmp_path / f"{version}.tar.zst", name="com.example.other", version=version)
            return await platform.services.publishing.publish(archive, actor=local_actor(TENANT), check_component=None)

        first, second = await publish("1.0.0"), await publish("1.1.0")
        path = f"{EXTENSIONS}/{first.registry_id}"
        wanted = []
        for url, body, prepares in (
            (EXTENSIONS, {"extension": first.registry_id, "version": "1.0.0"}, first),
            (f"{path}/upgrade", {"version": "1.1.0", "consent": True}, second),
            (f"{path}/rollback", {}, first),
            (f"{path}/disable", None, None),
            (f"{path}/enable", None, first),
        ):
            response = await platform.http.post(url, headers=admin, json=body)
            assert response.status_code in (200, 201), response.text
            if prepares is not None:
                wanted.append(f"sha256:{prepares.content_hash.removeprefix('sha256:')}")
                await until(lambda: prepared(platform) == wanted, lambda: (prepared(platform), wanted))
                # A preparation that is still on the way would be joined by the next one of the same bundle.
                await until(lambda: not platform.services.runner._warmups._background)


async def test_a_start_prepares_what_is_enabled(tmp_path: Path) -> None:
    async with made(tmp_path, environment="development") as platform:
        platform.runner.reply({})
        await platform.services.preparation.prepare_all()
        await until(lambda: prepared(platform) == [platform.installed.content_hash])


async def test_what_another_process_installs_is_prepared_once(tmp_path: Path) -> None:
    async with made(tmp_path, environment="development") as platform:
        platform.runner.reply({})
        services = platform.services
        await services.preparation.prepare_all()
        async with services.changes.follow():
            # On Postgres the feed knows nothing until it listens.
            await until(lambda: services.changes.mark() is not None)
            following = asyncio.create_task(services.preparation.follow(services.changes, look_seconds=0.01))
            try:
                elsewhere = Database(services.db.url)
                async with elsewhere.transaction() as session:
                    await session.execute(update(ExtensionBundle).values(content_hash=f"sha256:{'ab' * 32}"))
                await until(lambda: len(prepared(platform)) == 2, lambda: prepared(platform))
                # A change of something else: no bundle is prepared again, and the next one that is new is.
                async with elsewhere.transaction() as session:
                    await session.execute(update(User).values(first_name="Another"))
                    await session.execute(update(ExtensionBundle).values(content_hash=f"sha256:{'cd' * 32}"))
                await elsewhere.close()
                await until(lambda: len(prepared(platform)) == 3, lambda: prepared(platform))
            finally:
                await end_task(following)
        assert prepared(platform) == [platform.installed.content_hash, f"sha256:{'ab' * 32}", f"sha256:{'cd' * 32}"]


async def test_a_runner_that_cannot_prepare_gets_calls_as_before(tmp_path: Path) -> None:
    async with made(tmp_path, environment="development") as platform:

        def answer(request: Recorded) -> Response:
            return Response(status_code=404)

        platform.runner.answer = answer
        await platform.services.preparation.prepare_all()
        await until(lambda: prepared(platform))
        platform.respond_with(b"hello")
        assert (await platform.http.get(NOTES, headers=await platform.admin())).text == "hello"
