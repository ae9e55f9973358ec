"""Installs that subscribe to events, as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select, text

from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.models.events import ExtensionEvent
from holdfast.registry.models.installs import (
    ExtensionRegistry,
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
)
from holdfast.registry.models.publishing import ExtensionEventSubscription
from tests.records.databases import TENANT


async def add_install(db: Database, topics: Iterable[str], *, tenant_id: str = TENANT, handler: str = "POST /events") -> str:
    """The id of a new install of a new extension, which subscribes to the topics."""
    registry, version, install = new_id(), new_id(), new_id()
    async with db.transaction() as session:
        session.add(ExtensionRegistry(id=registry, publisher="acme", name=registry))
        await session.flush()
        session.add(
            ExtensionVersion(id=version, registry_id=registry, version_key="1.0.0", runtime="wasm-js@1", main_entry="dist/main.wasm")
        )
        await session.flush()
        session.add(TenantExtensionInstall(id=install, tenant_id=tenant_id, registry_id=registry, version_id=version))
        await session.flush()
        session.add(TenantExtensionInstallConfig(install_id=install, tenant_id=tenant_id))
        await session.flush()
        session.add_all(
            ExtensionEventSubscription(tenant_id=tenant_id, install_id=install, topic=topic, handler=handler) for topic in topics
        )
    return install


async def run_sql(db: Database, *statements: str) -> None:
    """Runs statements in one transaction, like a person who types them."""
    async with db.transaction() as session:
        for statement in statements:
            await session.execute(text(statement.replace(":", "\\:")))


async def events_of(db: Database, install_id: str) -> list[ExtensionEvent]:
    """The events of an install, in their order."""
    async with db.session() as session:
        query = select(ExtensionEvent).where(ExtensionEvent.install_id == install_id).order_by(ExtensionEvent.seq)
        return list((await session.scalars(query)).all())


async def recorded(db: Database, install_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Topic, subject and data of each event of an install."""
    return [(event.topic, event.subject, event.data) for event in await events_of(db, install_id)]
