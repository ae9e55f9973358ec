"""What a gateway remembers is what the database says now: it is read once, and again when something that decides it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from sqlalchemy import update
from starlette.applications import Starlette

from holdfast.gateway.app import gateway_routes
from holdfast.gateway.snapshots import snapshots
from holdfast.gateway.snapshots.snapshots import Snapshots
from holdfast.records.api_keys import create_api_key
from holdfast.records.changes.postgres_listener import PostgresListener
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import ApiKey, Tenant
from holdfast.records.tokens import token_hash
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import set_enabled
from holdfast.registry.installs.grants import revoke
from holdfast.registry.models.installs import TenantExtensionInstall, TenantExtensionInstallSecrets
from tests.gateway.platform import INTERNAL_TOKEN, ORIGIN, Platform
from tests.records.databases import OTHER_TENANT, TENANT, Clock, add_user
from tests.waiting import until

CONFIG = "/api/internal/ext-runner/install-config"
NAME = "acme.com.example.notes"
BODY = {"tenantId": TENANT, "extensionId": NAME}
INTERNAL = {"x-runner-auth": INTERNAL_TOKEN}
NOTES = "/api/ext/com.example.notes/notes"


async def providers(http: httpx2.AsyncClient) -> list[str]:
    response = await http.post(CONFIG, json=BODY, headers=INTERNAL)
    assert response.status_code == 200, response.text
    names: list[str] = response.json()["providers"]
    return names


class Reads:
    """Counts what snapshots read from the database."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts = {"read_api_key": 0, "read_session": 0, "read_install": 0}
        self.gate: asyncio.Event | None = None
        """While it is set and not open, reads wait after they have read."""
        for name in self.counts:
            monkeypatch.setattr(snapshots, name, self._counting(name, getattr(snapshots, name)))

    def _counting(self, name: str, original: Any) -> Any:
        async def counted(*args: Any, **kwargs: Any) -> Any:
            found = await original(*args, **kwargs)
            self.counts[name] += 1
            if self.gate is not None:
                await self.gate.wait()
            return found

        return counted

    def take(self) -> list[int]:
        """How many keys, sessions and installs were read since the last time."""
        taken = list(self.counts.values())
        self.counts = dict.fromkeys(self.counts, 0)
        return taken


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch, platform: Platform) -> Reads:
    return Reads(monkeypatch)


@pytest.fixture
async def steady(platform: Platform, reads: Reads) -> AsyncIterator[Reads]:
    """The same where reads are counted: on Postgres with a lease that does not end while a busy machine renews nothing."""
    if platform.db.is_sqlite:
        yield reads
        return
    feed = PostgresListener(platform.db.engine.url, clock=lambda: 0.0)
    platform.services.changes, platform.services.snapshots = feed, Snapshots(platform.db, feed)
    async with feed.follow():
        await until(lambda: feed.mark() is not None)
        yield reads


@pytest.fixture
async def other_process(platform: Platform) -> AsyncIterator[Database]:
    """The same database, opened as another process would."""
    db = Database(platform.db.url)
    yield db
    await db.close()


async def settled(platform: Platform) -> None:
    """Waits until the feed has seen what was committed: on Postgres, what only adds something is not confirmed."""
    async with platform.db.transaction() as session:
        await session.execute(update(Tenant).values(client_name=new_id()))


async def test_calls_read_nothing_while_nothing_changes(platform: Platform, steady: Reads) -> None:
    admin = await platform.admin()
    cookie = await platform.cookie_of(await add_user(platform.db, "ada@example.com", admin=True))
    await settled(platform)
    steady.take()
    for headers in (admin, cookie):
        for _ in range(5):
            assert (await platform.http.get(NOTES, headers=headers)).status_code == 200
    assert steady.take() == [1, 1, 1]
    # Another name is another entry.
    assert (await platform.http.get(f"/api/ext/{NAME}/notes", headers=admin)).status_code == 200
    assert steady.take() == [0, 0, 1]


async def test_a_change_of_another_tenant_and_a_row_that_decides_nothing_keep_what_was_read(platform: Platform, steady: Reads) -> None:
    admin = await platform.admin()
    await settled(platform)
    await platform.http.get(NOTES, headers=admin)
    steady.take()
    await add_user(platform.db, "bob@example.com", tenant_id=OTHER_TENANT, admin=True)
    async with platform.db.transaction() as session:
        await session.execute(update(Tenant).where(Tenant.tenant == OTHER_TENANT).values(client_name="x"))
    assert (await platform.http.get(NOTES, headers=admin)).status_code == 200
    assert len(await platform.log()) == 2
    assert steady.take() == [0, 0, 0]


async def test_a_revocation_takes_effect_at_once_in_the_same_process(platform: Platform) -> None:
    assert "cap:storage.kv" in await providers(platform.http)
    await revoke(platform.db, actor=local_actor(TENANT), extension=NAME, capabilities=["cap:storage.kv"])
    assert "cap:storage.kv" not in await providers(platform.http)


async def test_a_revocation_by_another_process_takes_effect_when_it_returns(platform: Platform, other_process: Database) -> None:
    assert "cap:storage.kv" in await providers(platform.http)
    await revoke(other_process, actor=local_actor(TENANT), extension=NAME, capabilities=["cap:storage.kv"])
    assert "cap:storage.kv" not in await providers(platform.http)


async def test_two_gateways_of_two_processes_agree_when_a_revocation_returns(platform: Platform, other_process: Database) -> None:
    services = replace(platform.services, db=other_process)
    second = Starlette(routes=gateway_routes(services))
    async with (
        services.changes.follow(),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=second), base_url="http://second") as other,
    ):
        await until(lambda: services.changes.mark() is not None)
        assert await providers(other) == await providers(platform.http)
        await revoke(platform.db, actor=local_actor(TENANT), extension=NAME, capabilities=["cap:http.fetch", "cap:storage.kv"])
        assert "cap:storage.kv" not in await providers(platform.http)
        assert "cap:storage.kv" not in await providers(other)


async def test_a_disabled_install_has_no_configuration_at_once(platform: Platform) -> None:
    await providers(platform.http)
    await set_enabled(platform.db, actor=local_actor(TENANT), extension=NAME, enabled=False)
    response = await platform.http.post(CONFIG, json=BODY, headers=INTERNAL)
    assert (response.status_code, response.json()["error"]) == (404, "install_not_found")
    await set_enabled(platform.db, actor=local_actor(TENANT), extension=NAME, enabled=True)
    assert await providers(platform.http)


async def test_a_remembered_configuration_needs_the_token_too(platform: Platform) -> None:
    await providers(platform.http)
    assert (await platform.http.post(CONFIG, json=BODY)).status_code == 401


async def test_what_does_not_exist_is_not_remembered(platform: Platform, reads: Reads) -> None:
    user = await add_user(platform.db, "ada@example.com", admin=True)
    headers = {"authorization": "Bearer hf_unknown"}
    for _ in range(2):
        assert (await platform.http.get(NOTES, headers=headers)).status_code == 401
        assert (await platform.http.post(CONFIG, json={**BODY, "extensionId": "later"}, headers=INTERNAL)).status_code == 404
    assert reads.take() == [2, 0, 2]
    key = await create_api_key(platform.db, tenant_id=TENANT, user_id=user.user_id)
    assert (await platform.http.get(NOTES, headers={"x-api-key": key})).status_code == 200


async def test_calls_under_the_same_stamp_share_a_read(platform: Platform, steady: Reads) -> None:
    admin = await platform.admin()
    await settled(platform)
    steady.take()
    steady.gate = asyncio.Event()
    calls = [asyncio.create_task(platform.http.get(NOTES, headers=admin)) for _ in range(5)]
    await until(lambda: steady.counts["read_api_key"])
    steady.gate.set()
    assert {response.status_code for response in await asyncio.gather(*calls)} == {200}
    assert steady.take() == [1, 0, 1]


async def test_a_read_that_a_change_overtakes_is_used_by_no_call_that_came_after_the_change(platform: Platform, reads: Reads) -> None:
    """The reads have the old rows and end late: after the key is revoked, no call may join them or find what they stored."""
    headers = await platform.key_of(await add_user(platform.db, "ada@example.com", admin=True))
    key = headers["authorization"].removeprefix("Bearer ")
    await settled(platform)
    reads.gate = asyncio.Event()
    early = asyncio.create_task(platform.services.snapshots.api_key(token_hash(key)))
    stamp = platform.services.changes.stamp(TENANT)
    early_install = asyncio.create_task(platform.services.snapshots.install(TENANT, NAME, stamp))
    await until(lambda: reads.counts["read_api_key"] and reads.counts["read_install"])
    gate, reads.gate = reads.gate, None
    async with platform.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(is_enabled=False))
    await _revoke_keys(platform.db)
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 401
    assert (await platform.http.post(CONFIG, json=BODY, headers=INTERNAL)).status_code == 404
    gate.set()
    found, found_install = await early, await early_install
    assert found is not None and found.stamp is None and found_install is not None
    assert (await platform.http.get(NOTES, headers=headers)).status_code == 401
    assert (await platform.http.post(CONFIG, json=BODY, headers=INTERNAL)).status_code == 404


async def _revoke_keys(db: Database) -> None:
    async with db.transaction() as session:
        await session.execute(update(ApiKey).values(revoked=True))


async def test_a_key_and_a_session_end_by_the_clock_without_any_change(platform: Platform, steady: Reads) -> None:
    clock = Clock()
    platform.services.now = clock
    user = await add_user(platform.db, "ada@example.com", admin=True)
    key = await platform.key_of(user, expires_at=clock() + timedelta(seconds=60))
    await settled(platform)
    steady.take()
    assert (await platform.http.get(NOTES, headers=key)).status_code == 200
    clock.advance(59.999)
    assert (await platform.http.get(NOTES, headers=key)).status_code == 200
    clock.advance(0.001)
    assert (await platform.http.get(NOTES, headers=key)).status_code == 401
    assert steady.take() == [1, 0, 1]


async def test_secrets_are_withheld_when_they_expire_without_any_change(platform: Platform, steady: Reads) -> None:
    clock = Clock()
    platform.services.now = clock
    async with platform.db.transaction() as session:
        session.add(
            TenantExtensionInstallSecrets(
                install_id=platform.installed.install_id,
                tenant_id=TENANT,
                ciphertext="sealed",
                algorithm="holdfast/aes-256-gcm",
                expires_at=clock() + timedelta(seconds=60),
            )
        )

    async def ciphertext() -> str:
        response = await platform.http.post(CONFIG, json=BODY, headers=INTERNAL)
        sealed: str = response.json()["secretEnvelope"]["ciphertext_b64"]
        return sealed

    admin = await platform.admin()
    await settled(platform)
    assert await ciphertext() == "sealed"
    steady.take()
    clock.advance(59.999)
    assert await ciphertext() == "sealed"
    clock.advance(0.001)
    assert await ciphertext() == ""
    assert (await platform.http.get(NOTES, headers=admin)).status_code == 200
    assert platform.runner.requests[-1].json["secret_envelope"]["ciphertext_b64"] == ""
    assert steady.take() == [1, 0, 1]


async def test_without_a_lease_every_call_reads_the_database(platform: Platform, reads: Reads) -> None:
    services = replace(platform.services)
    services.changes = _Unknowing()
    app = Starlette(routes=gateway_routes(services))
    admin = await platform.admin()
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url=ORIGIN) as http:
        for _ in range(2):
            assert (await http.get(NOTES, headers=admin)).status_code == 200
            assert await providers(http)
        assert reads.take()[2] >= 4
        await revoke(platform.db, actor=local_actor(TENANT), extension=NAME, capabilities=["cap:storage.kv"])
        assert "cap:storage.kv" not in await providers(http)
    await services.audit.close()


class _Unknowing:
    """A feed without a lease."""

    works = False

    def stamp(self, tenant_id: str) -> None:
        return None

    def mark(self) -> None:
        return None

    def follow(self) -> Any:
        return nullcontext()


async def test_a_long_text_names_no_extension_and_costs_no_query(platform: Platform, reads: Reads) -> None:
    admin = await platform.admin()
    for length, installs_read in ((600, 1), (601, 0)):
        assert (await platform.http.get(f"/api/ext/{'x' * length}/notes", headers=admin)).status_code == 404
        assert reads.take()[2] == installs_read


async def test_under_traffic_every_call_that_begins_after_a_change_knows_it(platform: Platform, other_process: Database) -> None:
    admin = await platform.admin()
    stop = asyncio.Event()

    async def traffic() -> None:
        """Calls that read old and new rows all the time, before, while and after these change."""
        while not stop.is_set():
            await platform.http.post(CONFIG, json=BODY, headers=INTERNAL)
            stamp = platform.services.changes.stamp(TENANT)
            await platform.services.snapshots.install(TENANT, "com.example.notes", stamp)
            # What is in memory, and what SQLite reads, is there without a wait.
            await asyncio.sleep(0)

    callers = [asyncio.create_task(traffic()) for _ in range(4)]
    for number in range(12):
        enabled = bool(number % 2)
        await set_enabled(other_process, actor=local_actor(TENANT), extension=NAME, enabled=enabled)
        responses = await asyncio.gather(*(platform.http.get(NOTES, headers=admin) for _ in range(3)))
        assert {response.status_code for response in responses} == {200 if enabled else 404}, number
    stop.set()
    await asyncio.gather(*callers)
