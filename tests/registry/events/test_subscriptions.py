"""Installs, upgrades and rollbacks make the subscriptions those of the manifest, and are events themselves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.installs.config import patch_config, set_enabled
from holdfast.registry.models.publishing import ExtensionEventSubscription
from tests.registry.events.subscribers import recorded
from tests.registry.installer import NOTES, Installer
from tests.registry.publisher import EVE

API = {"endpoints": [{"method": "POST", "path": "/events", "handler": "dist/main"}]}


def subscribing(*topics: str) -> dict[str, Any]:
    """Fields of a manifest that subscribes to topics."""
    events = [{"topic": topic, "endpoint": "POST /events"} for topic in topics]
    informative = {"topic": "ticket.created", "handler": "dist/main"}
    return {"api": API, "capabilities": ["cap:client.read"], "egress": [], "events": [*events, informative]}


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def subscriptions(db: Database) -> dict[str, str]:
    async with db.session() as session:
        return {row.topic: row.handler for row in (await session.scalars(select(ExtensionEventSubscription))).all()}


async def test_subscriptions_follow_the_installed_version_and_the_install_hears_of_it(installer: Installer) -> None:
    own = ("extension.installed", "extension.upgraded", "extension.settings_changed")
    await installer.publish(**subscribing("client.created", *own))
    await installer.publish(version="2.0.0", **subscribing("client.deleted", *own))
    installed = await installer.install("1.0.0")
    assert await subscriptions(installer.db) == dict.fromkeys(("client.created", *own), "POST /events")
    await patch_config(installer.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=installer.clock)
    await installer.upgrade()
    assert await subscriptions(installer.db) == dict.fromkeys(("client.deleted", *own), "POST /events")
    await installer.rollback()
    assert await subscriptions(installer.db) == dict.fromkeys(("client.created", *own), "POST /events")
    subject = f"extension:{installed.install_id}"
    assert await recorded(installer.db, installed.install_id) == [
        ("extension.installed", subject, {"version": "1.0.0"}),
        ("extension.settings_changed", subject, {}),
        ("extension.upgraded", subject, {"version": "2.0.0", "previousVersion": "1.0.0"}),
        ("extension.upgraded", subject, {"version": "1.0.0", "previousVersion": "2.0.0"}),
    ]


async def test_disabling_and_enabling_are_events(installer: Installer) -> None:
    await installer.publish(**subscribing("extension.enabled", "extension.disabled"))
    installed = await installer.install()
    for enabled in (False, False, True):
        await set_enabled(installer.db, actor=EVE, extension=NOTES, enabled=enabled, now=installer.clock)
    topics = [topic for topic, _, _ in await recorded(installer.db, installed.install_id)]
    assert topics == ["extension.disabled", "extension.enabled"]


async def test_a_version_without_events_has_no_subscriptions(installer: Installer) -> None:
    await installer.publish(**subscribing("client.created"))
    await installer.publish(version="2.0.0", capabilities=[], egress=[])
    await installer.install("1.0.0")
    await installer.upgrade()
    assert await subscriptions(installer.db) == {}
