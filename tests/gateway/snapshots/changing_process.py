"""A process that changes what decides calls, as a command or the request to another gateway does.

`python -m tests.gateway.snapshots.changing_process URL FOLDER` reads lines with the name of a change and its subject, makes the change, and
prints a line when it returns.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import delete, update

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.administration import revoke_sessions, set_user_inactive
from holdfast.records.database.database import Database
from holdfast.records.key_administration import revoke_api_key
from holdfast.records.models.users import Contact, UserRole
from holdfast.records.sessions import revoke_session
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.config import patch_config, set_enabled
from holdfast.registry.installs.grants import grant, revoke
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.secrets.administration import set_secrets
from holdfast.registry.secrets.sealing import Sealer
from holdfast.sealing.keyring import KeySource
from tests.records.databases import TENANT
from tests.registry.collaborators import collaborators

NAME = "acme.com.example.notes"
ACTOR = local_actor(TENANT)

Change = Callable[[Database, Path, str], Awaitable[object]]


async def _take_roles(db: Database, folder: Path, user_id: str) -> None:
    async with db.transaction() as session:
        await session.execute(delete(UserRole).where(UserRole.user_id == user_id))


async def _change_client(db: Database, folder: Path, client_id: str) -> None:
    async with db.transaction() as session:
        await session.execute(update(Contact).values(client_id=client_id))


async def _set_secret(db: Database, folder: Path, value: str) -> None:
    keys = KeySource(variable=None, file=folder / "secrets.key")
    keys.create_if_missing()
    await set_secrets(db, Sealer(keys), actor=ACTOR, extension=NAME, values={"token": value})


CHANGES: dict[str, Change] = {
    "revoke a grant": lambda db, folder, name: revoke(db, actor=ACTOR, extension=NAME, capabilities=[name]),
    "grant": lambda db, folder, name: grant(db, actor=ACTOR, extension=NAME, capabilities=[name]),
    "change a setting": lambda db, folder, value: patch_config(db, actor=ACTOR, extension=NAME, set={"colour": value}),
    "set a secret": _set_secret,
    "change the client": _change_client,
    "take the roles": _take_roles,
    "revoke a key": lambda db, folder, key: revoke_api_key(db, tenant_id=TENANT, key=key),
    "deactivate a user": lambda db, folder, user: set_user_inactive(db, tenant_id=TENANT, user=user, inactive=True),
    "end sessions": lambda db, folder, user: revoke_sessions(db, tenant_id=TENANT, user=user),
    "log out": lambda db, folder, token: revoke_session(db, token),
    "upgrade": lambda db, folder, archive: install_archive(
        collaborators(db, FolderStore(folder / "bundles")), folder / archive, actor=ACTOR, check_component=None
    ),
    "disable": lambda db, folder, _: set_enabled(db, actor=ACTOR, extension=NAME, enabled=False),
    "enable": lambda db, folder, _: set_enabled(db, actor=ACTOR, extension=NAME, enabled=True),
    "uninstall": lambda db, folder, _: uninstall(collaborators(db, FolderStore(folder / "bundles")), actor=ACTOR, extension=NAME),
}


async def main(url: str, folder: Path) -> None:
    db = Database(url)
    print("ready", flush=True)
    while line := (await asyncio.to_thread(sys.stdin.readline)).rstrip("\n"):
        change, _, subject = line.partition("\t")
        await CHANGES[change](db, folder, subject)
        print("returned", flush=True)
    await db.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
