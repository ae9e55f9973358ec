"""A world of three tenants that publish, install and change two extensions, and what must be true of it after every step."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.bundles.store.keys import bundle_key
from holdfast.errors import HoldfastError
from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.installs.call_context import install_context
from holdfast.registry.installs.grants import read_grants
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.lookup import find_install
from holdfast.registry.lifecycle.uninstall import remove_due_storage
from holdfast.registry.models.installs import (
    ExtensionApiEndpoint,
    ExtensionBundle,
    ExtensionRegistry,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionInstallSecrets,
    TenantExtensionSchedule,
)
from holdfast.registry.models.publishing import ExtensionAuditLog, PendingObject
from holdfast.registry.models.queries import active_bundle
from holdfast.registry.publishing.publish import publish_bundle
from holdfast.registry.publishing.versions import list_versions
from holdfast.registry.secrets.administration import sealed_in
from holdfast.registry.secrets.sealing import Sealer
from holdfast.settings import Settings
from holdfast.storage.tables import StorageRecord
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

TENANTS = (TENANT, OTHER_TENANT, "33333333-3333-4333-8333-333333333333")
ACTORS = tuple(Actor(tenant_id=tenant_id, user_id=f"admin-{number}") for number, tenant_id in enumerate(TENANTS))
EXTENSIONS = ("one.alpha", "two.beta")
"""Who publishes what: the first tenant the first, the second the second. The third publishes nothing."""

_OF_A_TENANT: tuple[tuple[type[Base], str], ...] = (
    (TenantExtensionInstall, "tenant_id"),
    (TenantExtensionInstallConfig, "tenant_id"),
    (TenantExtensionInstallSecrets, "tenant_id"),
    (TenantExtensionSchedule, "tenant_id"),
    (StorageRecord, "tenant"),
)
_OF_A_VERSION: tuple[type[Base], ...] = (ExtensionRegistry, ExtensionVersion, ExtensionBundle, ExtensionApiEndpoint)
_MAY_CHANGE = {"yanked_at", "yanked_reason", "display_name", "description", "updated_at"}
"""What of these rows may change: a version is withdrawn, and the newest one describes its extension."""

Rows = dict[str, list[dict[str, Any]]]
State = tuple[Rows, dict[str, str]]


class World:
    """One database and store. `do` is how every change is made."""

    def __init__(self, db: Database, folder: Path) -> None:
        self.db, self.folder = db, folder
        self.store = FolderStore(folder / "bundles")
        self.clock = Clock()
        self.sealer = Sealer.from_settings(Settings(_env_file=None, data_dir=folder / "keys"))
        self.published: dict[str, tuple[dict[str, Any], bytes]] = {}
        """By version id: every row of it, and its bytes, as they were published."""
        self.secrets: dict[tuple[str, str], dict[str, str]] = {}
        """By tenant and extension: what was set, and not removed since."""
        self._made = 0
        self._seen: dict[str, State] | None = None

    async def do(self, actor: Actor, work: Awaitable[Any]) -> HoldfastError | None:
        """Does it for the actor. A refusal is returned, and then nothing has changed; the other tenants' things never do."""
        before = self._seen or await self._states()
        self.clock.advance(1)
        refused = None
        try:
            await work
        except HoldfastError as error:
            refused = error
        after = self._seen = await self._states()
        for tenant_id in TENANTS:
            if tenant_id != actor.tenant_id:
                assert after[tenant_id] == before[tenant_id], f"{tenant_id} is not {actor.tenant_id}"
            elif refused is not None:
                assert _without_pending(after[tenant_id]) == _without_pending(before[tenant_id]), f"{refused.code}, and yet it changed"
        return refused

    async def let_time_go_by(self, hours: int) -> None:
        """What is stored goes when it is due: never that of an extension that is installed."""
        kept = await self._stored_by_installs()
        self.clock.advance(hours * 3600)
        await remove_due_storage(self.db, self.clock)
        assert await self._stored_by_installs() == kept
        self._seen = None

    async def publish(self, actor: Actor, extension: str, version: str, capabilities: list[str], egress: list[str]) -> None:
        publisher, name = extension.split(".")
        self._made += 1
        archive = archive_of(
            self.folder / f"archive-{self._made}.tar.zst",
            marker=str(self._made),
            publisher=publisher,
            name=name,
            version=version,
            capabilities=capabilities,
            egress=egress,
        )
        done = await publish_bundle(collaborators(self.db, self.store, now=self.clock), archive, actor=actor, check_component=None)
        self.published[done.version_id] = (await self._rows_of_version(done.version_id), archive.read_bytes())
        assert done.content_hash == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"

    async def _states(self) -> dict[str, State]:
        """Of each tenant all its rows, and the objects at its place in the store by key, with their hash."""
        states: dict[str, State] = {tenant_id: ({}, self._objects(tenant_id)) for tenant_id in TENANTS}
        async with self.db.session() as session:
            for table, column in _OF_A_TENANT:
                found = sorted((_values(row) for row in (await session.scalars(select(table))).all()), key=str)
                for tenant_id, (rows, _objects) in states.items():
                    rows[table.__tablename__] = [row for row in found if row[column] == tenant_id]
        return states

    async def install_id(self, tenant_id: str, extension: str) -> str | None:
        """The id of a tenant's install."""
        async with self.db.session() as session:
            found = await find_install(session, tenant_id, extension)
        return None if found is None else found[0].id

    async def _stored_by_installs(self) -> list[tuple[str, Any]]:
        """What extensions that are installed have stored."""
        async with self.db.session() as session:
            there = set((await session.scalars(select(TenantExtensionInstall.id))).all())
            records = (await session.scalars(select(StorageRecord))).all()
        return sorted((record.extension_install_id, record.value) for record in records if record.extension_install_id in there)

    async def check(self) -> None:
        """All that must be true at any time."""
        await self._check_versions()
        for actor in ACTORS:
            await self._check_tenant(actor.tenant_id)
        async with self.db.session() as session:
            assert (await session.scalars(select(PendingObject.key))).all() == [], "nothing is on its way"

    async def _check_versions(self) -> None:
        """What was published is what it was."""
        for version_id, (rows, content) in self.published.items():
            assert await self._rows_of_version(version_id) == rows
            assert (self.store.root / rows["key"]).read_bytes() == content

    async def _check_tenant(self, tenant_id: str) -> None:
        async with self.db.session() as session:
            installs = (await session.scalars(select(TenantExtensionInstall).where(TenantExtensionInstall.tenant_id == tenant_id))).all()
            others = (await session.scalars(select(TenantExtensionInstall.id).where(TenantExtensionInstall.tenant_id != tenant_id))).all()
            needed: set[str] = set()
            for install in installs:
                needed |= await self._check_install(session, install)
            secrets = (
                await session.scalars(select(TenantExtensionInstallSecrets).where(TenantExtensionInstallSecrets.tenant_id == tenant_id))
            ).all()
            names = {row.id: f"{row.publisher}.{row.name}" for row in (await session.scalars(select(ExtensionRegistry))).all()}
            audited = (await session.scalars(select(ExtensionAuditLog.details).where(ExtensionAuditLog.tenant == tenant_id))).all()
        by_id = {install.id: names[install.registry_id] for install in installs}
        # Its own copies: those that it runs from and can go back to, and no more.
        published = {rows["key"] for rows, _content in self.published.values()}
        assert {key for key in self._objects(tenant_id) if key.endswith(".zst")} - published == needed - published
        # It sees what it has, and nothing of the others.
        assert {summary.install_id for summary in await list_installs(self.db, tenant_id)} == set(by_id)
        for install_id in others:
            assert await install_context(self.db, tenant_id, install_id, only_enabled=False) is None
        for extension in set(names.values()):
            installed = {one.version_id for one in await list_versions(self.db, tenant_id=tenant_id, extension=extension) if one.installed}
            assert installed == {install.version_id for install in installs if by_id[install.id] == extension}
        # Its secrets are those that it set, and neither the database nor the log shows them.
        opened = {
            by_id[row.install_id]: await self.sealer.open(sealed_in(row), tenant_id=tenant_id, install_id=row.install_id) for row in secrets
        }
        assert opened == {extension: values for (owner, extension), values in self.secrets.items() if owner == tenant_id and values}
        assert "secret of" not in str(audited) + str([row.ciphertext for row in secrets])

    async def _check_install(self, session: Any, install: TenantExtensionInstall) -> set[str]:
        """Checks one install. Returns the keys of the copies that it needs."""
        needed = set()
        for version_id in (install.version_id, (install.previous or {}).get("version_id")):
            if version_id is None:
                continue
            bundle = await active_bundle(session, version_id)
            assert bundle is not None
            key = bundle_key(install.tenant_id, install.registry_id, normalize_content_hash(bundle.content_hash))
            content = (self.store.root / key).read_bytes()
            assert f"sha256:{hashlib.sha256(content).hexdigest()}" == bundle.content_hash
            needed.add(key)
        version = await session.get(ExtensionVersion, install.version_id)
        assert version is not None and version.registry_id == install.registry_id
        grants = await read_grants(self.db, tenant_id=install.tenant_id, extension=install.id)
        assert set(install.granted_caps) == set(grants.granted) <= set(version.capabilities) == set(grants.asked)
        assert set(install.granted_egress) == set(grants.granted_egress) <= set(version.egress)
        context = await install_context(self.db, install.tenant_id, install.id)
        assert (context is None) is not install.is_enabled
        if context is not None:
            assert set(context.providers) <= {*install.granted_caps, "cap:context.read", "cap:log.emit", "cap:user.read"}
            assert context.egress == install.granted_egress and context.version == version.version
        endpoints = select(ExtensionApiEndpoint.id).where(ExtensionApiEndpoint.version_id == version.id)
        scheduled = select(TenantExtensionSchedule.endpoint_id).where(
            TenantExtensionSchedule.install_id == install.id, TenantExtensionSchedule.enabled.is_(True)
        )
        assert set((await session.scalars(scheduled)).all()) <= set((await session.scalars(endpoints)).all())
        return needed

    async def _rows_of_version(self, version_id: str) -> dict[str, Any]:
        async with self.db.session() as session:
            version = await session.get_one(ExtensionVersion, version_id)
            bundles = (await session.scalars(select(ExtensionBundle).where(ExtensionBundle.version_id == version_id))).all()
            endpoints = (await session.scalars(select(ExtensionApiEndpoint).where(ExtensionApiEndpoint.version_id == version_id))).all()
            registry = await session.get_one(ExtensionRegistry, version.registry_id)
        (bundle,) = bundles
        stable = [{name: value for name, value in _values(row).items() if name not in _MAY_CHANGE} for row in (registry, version, bundle)]
        return {"key": bundle.storage_url, "rows": stable, "endpoints": sorted((_values(row) for row in endpoints), key=str)}

    def _objects(self, tenant_id: str) -> dict[str, str]:
        """What lies at a tenant's place, by key with its hash."""
        place = self.store.root / "tenants" / tenant_id
        found = (path for path in place.rglob("*") if path.is_file())
        return {str(path.relative_to(self.store.root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def _values(row: Base) -> dict[str, Any]:
    return {column.key: getattr(row, column.key) for column in type(row).__mapper__.column_attrs}


def _without_pending(state: State) -> State:
    """A refused upgrade is remembered until consent is given; that is all that a refusal may change."""
    rows, objects = state
    table = TenantExtensionInstall.__tablename__
    changed = [{name: value for name, value in row.items() if name not in ("pending", "updated_at")} for row in rows[table]]
    return {**rows, table: changed}, objects
