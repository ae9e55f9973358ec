"""Install configurations are current: at once in the process that changed them, after half a second in every other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial

import httpx2
import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from holdfast.gateway.app import gateway_routes
from holdfast.gateway.services import install_config_cache
from holdfast.gateway.services.install_config_cache import InstallConfigCache
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.installs.grants import revoke
from holdfast.registry.models.installs import TenantExtensionInstall
from tests.gateway.platform import INTERNAL_TOKEN, Platform, Seconds
from tests.records.databases import TENANT

CONFIG = "/api/internal/ext-runner/install-config"


async def providers(http: httpx2.AsyncClient) -> list[str]:
    body = {"tenantId": TENANT, "extensionId": "acme.com.example.notes"}
    response = await http.post(CONFIG, json=body, headers={"x-runner-auth": INTERNAL_TOKEN})
    assert response.status_code == 200, response.text
    names: list[str] = response.json()["providers"]
    return names


@pytest.fixture
async def other_process(platform: Platform) -> AsyncIterator[Database]:
    """The same database, opened as another process would."""
    db = Database(platform.db.url)
    yield db
    await db.close()


@pytest.fixture
def clock(platform: Platform) -> Seconds:
    """The clock of the gateway's cache."""
    clock = Seconds()
    platform.services.install_configs = InstallConfigCache(platform.db, clock=clock)
    return clock


async def test_a_revocation_takes_effect_at_once_in_the_same_process(platform: Platform, clock: Seconds) -> None:
    assert "cap:storage.kv" in await providers(platform.http)
    await revoke(platform.db, actor=local_actor(TENANT), extension="acme.com.example.notes", capabilities=["cap:storage.kv"])
    assert "cap:storage.kv" not in await providers(platform.http)


async def test_a_revocation_by_another_process_takes_effect_after_half_a_second(
    platform: Platform, other_process: Database, clock: Seconds
) -> None:
    assert "cap:storage.kv" in await providers(platform.http)
    await revoke(other_process, actor=local_actor(TENANT), extension="acme.com.example.notes", capabilities=["cap:storage.kv"])
    clock.value = install_config_cache.SECONDS
    assert "cap:storage.kv" not in await providers(platform.http)


async def test_a_disabled_install_has_no_configuration_at_once(platform: Platform) -> None:
    await providers(platform.http)
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="acme.com.example.notes", enabled=False)
    body = {"tenantId": TENANT, "extensionId": "acme.com.example.notes"}
    response = await platform.http.post(CONFIG, json=body, headers={"x-runner-auth": INTERNAL_TOKEN})
    assert (response.status_code, response.json()["error"]) == (404, "install_not_found")
    await set_enabled(platform.db, actor=local_actor(TENANT), extension="acme.com.example.notes", enabled=True)
    assert await providers(platform.http)


async def test_a_cached_configuration_needs_the_token_too(platform: Platform) -> None:
    await providers(platform.http)
    response = await platform.http.post(CONFIG, json={"tenantId": TENANT, "extensionId": "acme.com.example.notes"})
    assert response.status_code == 401


async def test_configurations_are_cached_for_half_a_second(platform: Platform) -> None:
    clock, reads = Seconds(), 0
    cache = InstallConfigCache(platform.db, clock=clock)

    async def read() -> bytes:
        nonlocal reads
        reads += 1
        return b"%d" % reads

    assert [await cache.get_or_read(("t", "e"), read) for _ in range(3)] == [b"1"] * 3
    clock.value = 0.5
    assert await cache.get_or_read(("t", "e"), read) == b"2"
    assert await cache.get_or_read(("other", "e"), read) == b"3"


async def test_a_result_read_before_a_write_is_not_cached_after_it(platform: Platform) -> None:
    cache = InstallConfigCache(platform.db, clock=Seconds())

    async def overtaken() -> bytes:
        async with platform.db.transaction() as session:
            await session.execute(update(TenantExtensionInstall).values(is_enabled=False))
        return b"old"

    async def new() -> bytes:
        return b"new"

    assert await cache.get_or_read(("t", "e"), overtaken) == b"old"
    assert await cache.get_or_read(("t", "e"), new) == b"new"


async def test_a_write_that_concerns_no_install_keeps_the_cache(platform: Platform) -> None:
    cache = InstallConfigCache(platform.db, clock=Seconds())

    async def first() -> bytes:
        return b"first"

    async def second() -> bytes:
        return b"second"

    await cache.get_or_read(("t", "e"), first)
    await platform.admin()
    assert await cache.get_or_read(("t", "e"), second) == b"first"


async def test_an_error_is_not_cached(platform: Platform) -> None:
    cache = InstallConfigCache(platform.db, clock=Seconds())

    async def failing() -> bytes:
        raise LookupError

    async def fine() -> bytes:
        return b"fine"

    with pytest.raises(LookupError):
        await cache.get_or_read(("t", "e"), failing)
    assert await cache.get_or_read(("t", "e"), fine) == b"fine"


@pytest.mark.parametrize(("limit", "value"), [("MAX_ENTRIES", 3), ("MAX_BYTES", 30)])
async def test_the_cache_is_bounded(platform: Platform, monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(install_config_cache, limit, value)
    cache, reads = InstallConfigCache(platform.db, clock=Seconds()), []

    async def read(name: str) -> bytes:
        reads.append(name)
        return bytes(10)

    async def ask(*names: str) -> None:
        for name in names:
            await cache.get_or_read(("t", name), partial(read, name))

    await ask("a", "b", "c", "d")
    reads.clear()
    await ask("b", "c", "d", "a")
    assert reads == ["a"]


async def test_two_gateways_of_two_processes_agree_after_half_a_second(platform: Platform, other_process: Database, clock: Seconds) -> None:
    services = replace(platform.services, db=other_process)
    services.install_configs = InstallConfigCache(other_process, clock=clock)
    second = Starlette(routes=gateway_routes(services))
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=second), base_url="http://second") as other:
        assert await providers(other) == await providers(platform.http)
        await revoke(
            platform.db, actor=local_actor(TENANT), extension="acme.com.example.notes", capabilities=["cap:http.fetch", "cap:storage.kv"]
        )
        assert "cap:storage.kv" not in await providers(platform.http)
        clock.value = install_config_cache.SECONDS
        assert "cap:storage.kv" not in await providers(other)
