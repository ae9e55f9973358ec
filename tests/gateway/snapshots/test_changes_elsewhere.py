"""What another process or a person at the database changes decides the next call: at once after a command, within a second after SQL."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from holdfast.records.database.address import database_address
from holdfast.records.database.uuids import new_id
from holdfast.records.models.users import Client
from holdfast.records.tokens import token_hash
from tests.gateway.auth.test_authorization import PORTAL
from tests.gateway.platform import INTERNAL_TOKEN, Platform
from tests.gateway.snapshots.changing_process import NAME
from tests.records.databases import TENANT, add_user
from tests.registry.extensions import archive_of
from tests.waiting import MAX_WAIT_SECONDS, until

NOTES = "/api/ext/com.example.notes/notes"
Probe = Callable[[], Awaitable[object]]
Apply = Callable[[str, str], Awaitable[None]]
"""Makes a change (its name as in `changing_process`, and its subject)."""


@dataclass(frozen=True, kw_only=True)
class Subjects:
    """The people whose rights change, and the other client."""

    key_id: str
    key: dict[str, str]
    ada: str
    session: dict[str, str]
    bob: str
    other_session: dict[str, str]
    session_token: str
    client: dict[str, str]
    other_client: str
    reader: str
    reader_key: dict[str, str]


@asynccontextmanager
async def prepared(platform: Platform) -> AsyncIterator[Subjects]:
    """An extension in the client portal and people of every kind."""
    await platform.install(version="1.1.0", ui=PORTAL)
    ada, bob, eve, reader = [await add_user(platform.db, f"{name}@example.com", admin=True) for name in ("ada", "bob", "eve", "reader")]
    carl = await add_user(platform.db, "carl@example.com", user_type="client", client=True)
    other_client = new_id()
    async with platform.db.transaction() as session:
        session.add(Client(client_id=other_client, tenant=TENANT, client_name="Other"))
    key = await platform.key_of(ada)
    other_session = await platform.cookie_of(eve)
    yield Subjects(
        key_id=key["authorization"].removeprefix("Bearer ")[:10],
        key=key,
        ada=ada.user_id,
        session=await platform.cookie_of(bob),
        bob=bob.user_id,
        other_session=other_session,
        session_token=other_session["cookie"].partition("=")[2],
        client=await platform.key_of(carl),
        other_client=other_client,
        reader=reader.user_id,
        reader_key=await platform.key_of(reader),
    )


class Observed:
    """What the gateway makes of a call, and of a runner that asks for the install."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform

    def call(self, headers: dict[str, str]) -> Probe:
        async def status() -> object:
            return (await self._platform.http.get(NOTES, headers=headers)).status_code

        return status

    def client_of(self, headers: dict[str, str]) -> Probe:
        async def client_id() -> object:
            assert (await self._platform.http.get(NOTES, headers=headers)).status_code == 200
            return self._platform.runner.requests[-1].json["user"]["client_id"]

        return client_id

    def config(self, read: Callable[[dict[str, Any]], object]) -> Probe:
        async def field() -> object:
            body = {"tenantId": TENANT, "extensionId": NAME}
            path = "/api/internal/ext-runner/install-config"
            response = await self._platform.http.post(path, json=body, headers={"x-runner-auth": INTERNAL_TOKEN})
            return read(response.json()) if response.status_code == 200 else response.status_code

        return field


async def check_every_change(platform: Platform, apply: Apply, see: Callable[[Probe, object], Awaitable[None]]) -> None:
    """Makes one change after the other; `see` asserts what the gateway says of it, or waits until it does."""
    observed = Observed(platform)
    async with prepared(platform) as subjects:

        async def expect(change: str, subject: str, probe: Probe, before: object, after: object) -> None:
            # Twice, so that the second comes from memory.
            assert [await probe(), await probe()] == [before, before], change
            await apply(change, subject)
            await see(probe, after)

        providers = observed.config(lambda config: "cap:storage.kv" in config["providers"])
        await expect("revoke a grant", "cap:storage.kv", providers, True, False)
        await expect("grant", "cap:storage.kv", providers, False, True)
        colour = observed.config(lambda config: config["config"].get("colour"))
        await expect("change a setting", "red", colour, None, "red")
        sealed = observed.config(lambda config: bool(config.get("secretEnvelope", {}).get("ciphertext_b64")))
        await expect("set a secret", "hidden", sealed, False, True)
        first_client = await observed.client_of(subjects.client)()
        await expect("change the client", subjects.other_client, observed.client_of(subjects.client), first_client, subjects.other_client)
        await expect("revoke a key", subjects.key_id, observed.call(subjects.key), 200, 401)
        await expect("end sessions", subjects.bob, observed.call(subjects.session), 200, 401)
        await expect("log out", subjects.session_token, observed.call(subjects.other_session), 200, 401)
        content = observed.config(lambda config: config["contentHash"])
        archive = archive_of(platform.folder / "new.tar.zst", version="2.0.0", ui=PORTAL)
        await expect("upgrade", archive.name, content, await content(), f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}")
        await expect("disable", "", observed.call(subjects.reader_key), 200, 404)
        await expect("enable", "", observed.call(subjects.reader_key), 404, 200)
        await expect("take the roles", subjects.reader, observed.call(subjects.reader_key), 200, 403)
        await expect("deactivate a user", subjects.reader, observed.call(subjects.reader_key), 403, 401)
        await expect("uninstall", "", observed.config(bool), True, 404)


@contextmanager
def changing_process(url: str, folder: Path) -> Iterator[Apply]:
    """Another process that makes the changes; each returns when that process says that it has returned."""
    command = [sys.executable, "-m", "tests.gateway.snapshots.changing_process", url, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        written, said = process.stdin, process.stdout

        def ask(line: str) -> str:
            written.write(line)
            written.flush()
            return said.readline()

        async def apply(change: str, subject: str) -> None:
            # In a thread: the gateway must go on, it confirms changes.
            assert await asyncio.to_thread(ask, f"{change}\t{subject}\n") == "returned\n"

        try:
            assert said.readline() == "ready\n"
            yield apply
            written.close()
            assert process.wait(timeout=MAX_WAIT_SECONDS) == 0
        finally:
            process.kill()


async def test_the_next_call_after_a_command_of_another_process_knows_what_it_changed(platform: Platform) -> None:
    async def at_once(probe: Probe, after: object) -> None:
        assert await probe() == after

    with changing_process(platform.db.url, platform.folder) as apply:
        await check_every_change(platform, apply, at_once)


SQL = {
    "revoke a grant": "UPDATE tenant_extension_install SET granted_caps = '[]'",
    "grant": """UPDATE tenant_extension_install SET granted_caps = '["{subject}"]'""",
    "change a setting": """UPDATE tenant_extension_install_config SET config = '{{"colour": "{subject}"}}'""",
    "set a secret": (
        "INSERT INTO tenant_extension_install_secrets (id, install_id, tenant_id, ciphertext, algorithm, created_at, updated_at) "
        "SELECT id, id, tenant_id, '{subject}', 'sealed', created_at, updated_at FROM tenant_extension_install"
    ),
    "change the client": "UPDATE contacts SET client_id = '{subject}'",
    "revoke a key": "UPDATE api_keys SET revoked = true WHERE prefix = '{subject}'",
    "end sessions": "DELETE FROM sessions WHERE user_id = '{subject}'",
    "log out": "DELETE FROM sessions WHERE token_hash = '{hash_of_subject}'",
    "upgrade": "UPDATE extension_bundle SET content_hash = 'sha256:{digest_of_subject}'",
    "disable": "UPDATE tenant_extension_install SET is_enabled = false",
    "enable": "UPDATE tenant_extension_install SET is_enabled = true",
    "take the roles": "DELETE FROM user_roles WHERE user_id = '{subject}'",
    "deactivate a user": "UPDATE users SET is_inactive = true WHERE user_id = '{subject}'",
    "uninstall": "DELETE FROM tenant_extension_install",
}


def run_sql(url: str, statement: str) -> None:
    """Runs a statement like a person at `sqlite3` or `psql`."""
    address = database_address(url)
    if address.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(str(address.database))) as connection, connection:
            connection.execute(statement)
        return
    _, options = address.get_dialect()().create_connect_args(address)
    with psycopg.connect(**options) as session:
        session.execute(statement)


async def test_calls_know_what_sql_typed_by_hand_changed(platform: Platform) -> None:
    """On SQLite the next call; on Postgres a notification is on its way. That it never takes longer than a second is shown with a clock of
    the test's own, in tests/records/changes/test_postgres_listener.py."""

    async def apply(change: str, subject: str) -> None:
        file = platform.folder / subject
        digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
        statement = SQL[change].format(subject=subject, hash_of_subject=token_hash(subject), digest_of_subject=digest)
        await asyncio.to_thread(run_sql, platform.db.url, statement)

    async def soon(probe: Probe, after: object) -> None:
        if platform.db.is_sqlite:
            assert await probe() == after
        else:
            await until_it_is(probe, after)

    await check_every_change(platform, apply, soon)


async def until_it_is(probe: Probe, expected: object) -> None:
    seen: list[object] = []

    async def poll() -> None:
        while (found := await probe()) != expected:
            seen.append(found)
            await asyncio.sleep(0.01)

    polling = asyncio.create_task(poll())
    await until(polling.done, lambda: seen[-1])
    await polling
