"""The tenant of a page request, with the gateway as the registry and with a registry like the existing platform's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from sqlalchemy import update
from starlette.responses import JSONResponse, Response

from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.models.installs import TenantExtensionInstall
from holdfast.runner.install_lookup.validator import InstallValidator
from holdfast.runner.ui.tenant import PageAccess
from holdfast.settings import Settings
from tests.events.recording_server import Recorded, RecordingServer, recording_server
from tests.gateway.platform import AUTH_KEY, ORIGIN, Platform, Seconds, platform
from tests.records.databases import OTHER_TENANT
from tests.records.databases import TENANT as PLATFORM_TENANT
from tests.runner.conftest import EXTENSION, TENANT, Runner, StartRunner
from tests.runner.pages import sent

HASH = "sha256:" + "ab" * 32
PAGES = {"ui/index.html": b"<!doctype html>", "ui/app.js": b"let a = 1"}


class RunnerWithGateway:
    """A runner whose registry is the gateway, and an extension with a page that is installed there."""

    def __init__(self, runner: Runner, gateway: Platform, seconds: Seconds) -> None:
        self.runner, self.gateway, self.seconds = runner, gateway, seconds

    async def page(self, tenant: str | None = PLATFORM_TENANT, **headers: str) -> httpx2.Response:
        installed = self.gateway.installed
        query = "" if tenant is None else f"?tenant={tenant}"
        address = f"/ext-ui/{installed.registry_id}/{installed.content_hash}/index.html{query}"
        return await self.runner.client.get(address, headers=headers)

    async def statuses(self, *tenants: str | None) -> list[int]:
        return [(await self.page(tenant)).status_code for tenant in tenants]

    async def set_enabled(self, enabled: bool) -> None:
        await set_enabled(self.gateway.db, actor=local_actor(PLATFORM_TENANT), extension="com.example.notes", enabled=enabled)


@pytest.fixture
async def setup(start_runner: StartRunner, tmp_path: Path) -> AsyncIterator[RunnerWithGateway]:
    seconds = Seconds()
    async with platform(tmp_path) as gateway:
        transport = httpx2.ASGITransport(app=gateway.app)
        validator = InstallValidator(ORIGIN, {"x-api-key": AUTH_KEY}, transport=transport, now=seconds)
        runner = await start_runner(validator=validator, bundle_store_base=str(gateway.folder / "bundles"))
        yield RunnerWithGateway(runner, gateway, seconds)


async def test_s15_an_install_that_is_disabled_is_served_for_at_most_five_seconds(setup: RunnerWithGateway) -> None:
    assert await setup.statuses(PLATFORM_TENANT) == [200]
    await setup.set_enabled(False)
    setup.seconds.value = 5.1
    assert await setup.statuses(PLATFORM_TENANT, None, "") == [404, 404, 404]
    await setup.set_enabled(True)
    assert await setup.statuses(PLATFORM_TENANT, None, "") == [200, 200, 200]


async def test_s15_the_host_name_of_a_disabled_install_is_not_found(setup: RunnerWithGateway) -> None:
    async with setup.gateway.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(runner_domain="notes.example.com"))
    redirect = await setup.runner.client.get("/", headers={"host": "notes.example.com:8085"})
    assert redirect.status_code == 307
    assert (await setup.runner.client.get(redirect.headers["location"])).status_code == 200
    await setup.set_enabled(False)
    assert (await setup.runner.client.get("/", headers={"host": "notes.example.com"})).status_code == 404


async def test_s19_bytes_in_memory_for_one_tenant_are_not_served_to_another(setup: RunnerWithGateway) -> None:
    page = await setup.page()
    assert page.status_code == 200
    assert (await setup.page(OTHER_TENANT)).status_code == 404
    assert (await setup.page(OTHER_TENANT, **{"if-none-match": page.headers["etag"]})).status_code == 404


async def test_s13_naming_a_tenant_does_not_affect_requests_that_name_none(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    assert (await sent(runner, digest, "index.html", tenant="tenant-b")).status == 404
    assert (await sent(runner, digest, "app.js", tenant=None)).status == 200
    assert (await sent(runner, digest, "index.html", tenant="tenant-b")).status == 404
    assert (await sent(runner, digest, "app.js", tenant=None)).status == 200


async def test_s13_without_strict_checking_a_tenant_without_the_bundle_does_not_affect_other_requests(start_runner: StartRunner) -> None:
    runner = await start_runner(static_strict_validation=False)
    digest = await runner.put(files=PAGES)
    assert (await sent(runner, digest, "index.html", tenant="tenant-b")).status == 500
    assert (await sent(runner, digest, "app.js", tenant=None)).status == 200
    assert (await sent(runner, digest, "index.html", tenant="tenant-b")).status == 200
    assert [request.url.params.get("tenant") for request in runner.registry.requests] == [None]


async def test_a_missing_file_does_not_change_the_tenant_of_other_requests(start_runner: StartRunner, registry: RecordingServer) -> None:
    runner, digest, _ = await runner_with_existing_platform(start_runner, registry)
    assert (await sent(runner, digest, "index.html")).status == 200
    assert (await sent(runner, digest, "favicon.ico", tenant=None)).status == 404
    assert (await sent(runner, digest, "app.js", tenant=None)).status == 200


async def test_without_strict_checking_a_tenant_without_the_bundle_is_not_used_again() -> None:
    existing_platform = ExistingPlatform(EXTENSION, HASH)
    async with recording_server() as registry:
        registry.answer = existing_platform
        validator = InstallValidator(registry.url, {})
        access = PageAccess(validator, strict=False)
        access.remember("tenant-b", EXTENSION, HASH[7:])
        assert await access.find_tenant("", EXTENSION, HASH[7:], "notes.example.com") == "tenant-b"
        access.forget("tenant-c", EXTENSION, HASH[7:])
        assert await access.find_tenant("", EXTENSION, HASH[7:], "notes.example.com") == "tenant-b"
        access.forget("tenant-b", EXTENSION, HASH[7:])
        assert await access.find_tenant("", EXTENSION, HASH[7:], "notes.example.com") == TENANT
        await validator.close()


async def test_b12_after_a_failure_of_the_registry_the_next_request_tries_again_at_once(runner: Runner) -> None:
    digest = await runner.put(files=PAGES)
    runner.registry.broken = True
    assert (await sent(runner, digest, "index.html")).status == 404
    runner.registry.broken = False
    assert (await sent(runner, digest, "index.html")).status == 200


class ExistingPlatform:
    """Responds like the existing platform's server: it validates only named tenants, and finds tenants by host."""

    def __init__(self, extension_id: str, content_hash: str) -> None:
        self.found = {"tenant_id": TENANT, "extension_id": extension_id, "content_hash": content_hash}
        self.valid = True

    def __call__(self, request: Recorded) -> Response:
        if request.path.endswith("/lookup-by-host"):
            is_known = "host=notes.example.com&" in request.query
            return JSONResponse(self.found) if is_known else JSONResponse({"error": "not found"}, 404)
        if "tenant=" not in request.query:
            return JSONResponse({"error": "missing tenant"}, 400)
        return JSONResponse({"valid": self.valid and f"tenant={TENANT}&" in request.query})


@pytest.fixture
async def registry() -> AsyncIterator[RecordingServer]:
    async with recording_server() as server:
        yield server


async def runner_with_existing_platform(
    start_runner: StartRunner, registry: RecordingServer, **settings: Any
) -> tuple[Runner, str, ExistingPlatform]:
    runner = await start_runner(validator=InstallValidator(registry.url, {"x-api-key": "key"}), **settings)
    digest = await runner.put(files=PAGES)
    registry.answer = existing_platform = ExistingPlatform(EXTENSION, f"sha256:{digest}")
    return runner, digest, existing_platform


async def test_files_that_name_no_tenant_are_served_for_the_tenant_of_the_host(
    start_runner: StartRunner, registry: RecordingServer
) -> None:
    runner, digest, _ = await runner_with_existing_platform(start_runner, registry)
    assert (await sent(runner, digest, "app.js", tenant=None, host="Notes.example.com:8085")).status == 200
    paths = [request.path.rpartition("/")[2] for request in registry.requests]
    assert paths == ["validate", "lookup-by-host", "validate"]
    assert [request.header("x-api-key") for request in registry.requests] == ["key"] * 3
    assert (await sent(runner, digest, "app.js", tenant=None, host="runner.internal")).status == 200
    assert len(registry.requests) == 3


@pytest.mark.parametrize("host", ["other.example.com", "not a host", ""])
async def test_a_host_without_an_install_is_served_nothing(start_runner: StartRunner, registry: RecordingServer, host: str) -> None:
    runner, digest, _ = await runner_with_existing_platform(start_runner, registry)
    assert (await sent(runner, digest, "app.js", tenant=None, host=host)).status == 404


async def test_the_install_of_the_host_must_be_the_one_of_the_address(start_runner: StartRunner, registry: RecordingServer) -> None:
    runner, digest, existing_platform = await runner_with_existing_platform(start_runner, registry)
    for other in ({"extension_id": "another"}, {"content_hash": "sha256:" + "cd" * 32}):
        existing_platform.found |= other
        assert (await sent(runner, digest, "app.js", tenant=None, host="notes.example.com")).status == 404
        existing_platform.found |= {"extension_id": EXTENSION, "content_hash": f"sha256:{digest}"}
    existing_platform.valid = False
    assert (await sent(runner, digest, "app.js", tenant=None, host="notes.example.com")).status == 404


async def test_without_strict_checking_the_host_still_names_the_tenant(start_runner: StartRunner, registry: RecordingServer) -> None:
    runner, digest, existing_platform = await runner_with_existing_platform(start_runner, registry, static_strict_validation=False)
    existing_platform.valid = False
    assert (await sent(runner, digest, "app.js", tenant=None, host="notes.example.com")).status == 200


@pytest.mark.parametrize("tenant", ["a%2Fb", "..", "a%20b", "x" * 200])
async def test_an_invalid_tenant_id_makes_no_request_to_the_registry(runner: Runner, tenant: str) -> None:
    assert (await sent(runner, await runner.put(files=PAGES), "index.html", tenant=tenant)).status == 404
    assert runner.registry.requests == []


@pytest.mark.parametrize(
    ("written", "strict"),
    [("1", True), ("true", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("false", False), ("no", False), ("", True)],
)
def test_s14_the_strict_flag_has_one_parser(monkeypatch: pytest.MonkeyPatch, written: str, strict: bool) -> None:
    monkeypatch.setenv("EXT_STATIC_STRICT_VALIDATION", written)
    assert Settings(_env_file=None).static_strict_validation is strict


async def test_s14_with_the_flag_1_the_install_is_checked(start_runner: StartRunner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXT_STATIC_STRICT_VALIDATION", "1")
    runner = await start_runner()
    digest = await runner.put(files=PAGES)
    runner.registry.installed.clear()
    assert (await sent(runner, digest, "index.html")).status == 404
    assert len(runner.registry.requests) == 1
