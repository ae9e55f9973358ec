"""Everything there is to say about one install."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.config import replace_config
from holdfast.registry.installs.details import read_details
from holdfast.registry.installs.results import PendingUpgrade, ScheduleSummary
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionApiEndpoint, TenantExtensionInstall, TenantExtensionSchedule
from holdfast.storage.tables import StorageUsage
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

NAME = "acme.com.example.notes"


async def test_an_install_is_described_with_names_and_counts_but_no_values(db: Database, store: FolderStore, tmp_path: Path) -> None:
    archive, clock = archive_of(tmp_path / "a.tar.zst"), Clock()
    installed = await install_archive(collaborators(db, store, now=clock), archive, actor=local_actor(TENANT), check_component=None)
    await replace_config(db, actor=local_actor(TENANT), extension=NAME, config={"region": "a secret place", "limit": 3}, now=clock)
    async with db.transaction() as session:
        install = await session.get(TenantExtensionInstall, installed.install_id)
        assert install is not None
        install.previous = {"version_id": installed.version_id, "granted_caps": [], "granted_egress": []}
        install.pending = {"version_id": "1", "version": "2.0.0", "capabilities": ["cap:user.read"], "egress": ["b.example.com"]}
        endpoint = ExtensionApiEndpoint(version_id=installed.version_id, method="PUT", path="/sync", handler="main")
        session.add(endpoint)
        await session.flush()
        session.add_all(
            [
                TenantExtensionSchedule(
                    id="0" * 8 + "-0000-4000-8000-000000000001",
                    install_id=installed.install_id,
                    tenant_id=TENANT,
                    endpoint_id=endpoint.id,
                    name="nightly",
                    cron="0 3 * * *",
                    created_at=clock(),
                ),
                TenantExtensionSchedule(
                    id="0" * 8 + "-0000-4000-8000-000000000002",
                    install_id=installed.install_id,
                    tenant_id=TENANT,
                    endpoint_id="0" * 8 + "-0000-4000-8000-00000000000f",
                    cron="* * * * *",
                    enabled=False,
                    created_at=clock(),
                ),
                StorageUsage(tenant=TENANT, extension_install_id=installed.install_id, bytes_used=120, keys_count=2),
            ]
        )
    found = await read_details(db, tenant_id=TENANT, extension=NAME.upper())
    assert (found.install_id, found.registry_id, found.version_id) == (installed.install_id, installed.registry_id, installed.version_id)
    assert (found.publisher, found.name, found.version, found.display_name) == ("acme", "com.example.notes", "1.0.0", "Notes")
    assert (found.content_hash, found.size_bytes, found.signing_key_id) == (installed.content_hash, archive.stat().st_size, None)
    assert found.is_enabled and found.previous_version == "1.0.0" and found.installed_at == clock()
    assert found.pending == PendingUpgrade(version="2.0.0", capabilities=["cap:user.read"], egress=["b.example.com"])
    assert found.granted == ["cap:http.fetch", "cap:storage.kv"] and found.granted_egress == ["api.example.com"]
    assert found.config_keys == ["limit", "region"] and "secret place" not in repr(found)
    assert (found.storage_records, found.storage_bytes) == (2, 120)
    nightly, orphan = found.schedules
    assert nightly == ScheduleSummary(
        schedule_id=nightly.schedule_id, name="nightly", cron="0 3 * * *", timezone="UTC", enabled=True, method="PUT", path="/sync"
    )
    assert (orphan.method, orphan.path, orphan.enabled) == (None, None, False)


async def test_what_another_tenant_has_installed_does_not_exist(db: Database, store: FolderStore, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a.tar.zst")
    await install_archive(collaborators(db, store), archive, actor=local_actor(OTHER_TENANT), check_component=None)
    with pytest.raises(ExtensionNotInstalled):
        await read_details(db, tenant_id=TENANT, extension=NAME)


async def test_required_settings_and_secrets_are_named_until_they_have_a_value(db: Database, store: FolderStore, tmp_path: Path) -> None:
    settings = [
        {"key": "region", "required": True},
        {"key": "limit", "type": "number", "required": True, "default": 5},
        {"key": "color"},
        {"key": "API_KEY", "type": "secret", "required": True},
        {"key": "OPTIONAL_KEY", "type": "secret"},
    ]
    archive = archive_of(tmp_path / "a.tar.zst", settings=settings)
    await install_archive(collaborators(db, store), archive, actor=local_actor(TENANT), check_component=None)
    details = await read_details(db, tenant_id=TENANT, extension=NAME)
    assert (details.unset_settings, details.required_secrets) == (["region"], ["API_KEY"])
    await replace_config(db, actor=local_actor(TENANT), extension=NAME, config={"region": "eu", "limit": 3})
    details = await read_details(db, tenant_id=TENANT, extension=NAME)
    assert (details.unset_settings, details.required_secrets) == ([], ["API_KEY"])
