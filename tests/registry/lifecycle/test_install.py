"""Installing a published version: its copy, its grants, what stays when it is installed again, and that tenants do not meet."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from holdfast.bundles.cache.errors import ArchiveHashMismatch
from holdfast.bundles.manifest.host_version import HostTooOld
from holdfast.bundles.signing.signature_storage import read_stored_signature
from holdfast.bundles.store.errors import BundleNotFound
from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.installs.config import patch_config, set_enabled
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.missing_schedules import SchedulesMissing
from holdfast.registry.lifecycle.install import install_version
from holdfast.registry.models import ids as identity
from holdfast.registry.models.installs import (
    ExtensionVersion,
    TenantExtensionInstall,
    TenantExtensionInstallConfig,
    TenantExtensionSchedule,
)
from holdfast.registry.models.publishing import ExtensionAuditLog, PendingObject
from holdfast.registry.publishing.versions import yank
from tests.bundles.signers import Signers, signature_of
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.collaborators import collaborators
from tests.registry.installer import NOTES, Installer, hexes
from tests.registry.publisher import ADA, EVE

FEWER: dict[str, Any] = {"capabilities": ["cap:storage.kv"], "egress": []}


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def test_a_version_is_copied_to_the_tenants_own_place_and_recorded_with_all_that_it_asks_for(installer: Installer) -> None:
    published = await installer.publish()
    done = await installer.install()
    assert done.install_id == identity.install_id(OTHER_TENANT, "acme", "com.example.notes")
    assert (done.registry_id, done.version_id, done.version) == (published.registry_id, published.version_id, "1.0.0")
    assert (done.content_hash, done.display_name, done.replaced) == (published.content_hash, "Notes", None)
    assert (done.granted, done.egress) == (["cap:http.fetch", "cap:storage.kv"], ["api.example.com"])
    assert (installer.store.root / installer.copy_key(done)).read_bytes() == (installer.store.root / published.key).read_bytes()
    row = await installer.row()
    assert (row.is_enabled, row.status, row.previous, row.pending, row.runner_status) == (True, "enabled", None, None, {"state": "ready"})
    assert (await installer.context()).content_hash == published.content_hash
    assert await installer.events() == ["extension.installed"] and await installer.count(PendingObject) == 0


async def test_the_audit_log_says_who_installed_what_with_which_grants(installer: Installer) -> None:
    published = await installer.publish()
    await installer.install(capabilities=["cap:storage.kv"])
    async with installer.db.session() as session:
        entry = (await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.tenant == OTHER_TENANT))).one()
    assert (entry.user_id, entry.resource_id, entry.resource_name) == ("eve", published.registry_id, NOTES)
    assert entry.details == {"version": "1.0.0", "granted": ["cap:storage.kv"], "egress": ["api.example.com"]}


async def test_a_version_is_named_exactly_by_pattern_or_not_at_all(installer: Installer) -> None:
    for version in ("1.0.0", "1.0.1", "2.0.0", "3.0.0-beta.1"):
        await installer.publish(version=version)
    assert (await installer.install("1.0.*")).version == "1.0.1"
    await installer.uninstall()
    assert (await installer.install()).version == "2.0.0"
    await installer.uninstall()
    assert (await installer.install("3.0.0-beta.1")).version == "3.0.0-beta.1"
    with rejected("version_not_found"):
        await installer.install("9.9.9")


async def test_what_was_never_published_or_was_withdrawn_is_not_installed(installer: Installer) -> None:
    with rejected("extension_not_found"):
        await installer.install()
    await installer.publish()
    await yank(installer.db, actor=ADA, extension=NOTES, version="1.0.0", reason="broken", now=installer.clock)
    with rejected("version_yanked"):
        await installer.install("1.0.0")
    with rejected("version_not_found"):
        await installer.install()
    assert await list_installs(installer.db, OTHER_TENANT) == [] and installer.copies() == []


async def test_who_has_a_version_may_install_it_again_after_it_was_withdrawn(installer: Installer) -> None:
    await installer.publish()
    await installer.install()
    await yank(installer.db, actor=ADA, extension=NOTES, version="1.0.0", reason=None, now=installer.clock)
    assert (await installer.install("1.0.0")).version == "1.0.0"


async def test_only_what_is_named_is_granted(installer: Installer) -> None:
    await installer.publish()
    done = await installer.install(capabilities=[" CAP:Storage.kv "], egress=[])
    assert (done.granted, done.egress) == (["cap:storage.kv"], [])
    context = await installer.context()
    assert "cap:http.fetch" not in context.providers and context.egress == []


@pytest.mark.parametrize(
    ("capabilities", "egress"), [(["cap:secrets.get"], None), (["cap:rule.world"], None), (None, ["evil.example.com"])]
)
async def test_what_a_version_does_not_ask_for_cannot_be_granted_and_nothing_is_left(
    installer: Installer, capabilities: list[str] | None, egress: list[str] | None
) -> None:
    await installer.publish()
    with rejected("unknown_capability") as refused:
        await installer.install(capabilities=capabilities, egress=egress)
    assert refused.value.status == 400 and refused.value.details == {"unknown": capabilities or egress}
    assert await installer.count(TenantExtensionInstall) == 0 and installer.copies() == []


async def test_a_version_of_another_platform_that_asks_for_an_unknown_capability_is_refused(installer: Installer) -> None:
    await installer.publish()
    async with installer.db.transaction() as session:
        await session.execute(update(ExtensionVersion).values(capabilities=["cap:storage.kv", "cap:rule.world"]))
    with rejected("unknown_capability", match=r"cap:rule\.world"):
        await installer.install()
    with rejected("unknown_capability", match=r"cap:rule\.world"):
        await installer.install(capabilities=["cap:storage.kv"])
    assert await installer.count(TenantExtensionInstall) == 0


async def test_installing_again_keeps_settings_secrets_grants_schedules_and_that_it_is_off(installer: Installer) -> None:
    await installer.publish()
    first = await installer.install()
    await patch_config(installer.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=installer.clock)
    await installer.seal()
    await installer.revoke("cap:http.fetch", egress=("api.example.com",))
    schedule = await installer.schedule("GET", "/notes", enabled=False)
    await set_enabled(installer.db, actor=EVE, extension=NOTES, enabled=False, now=installer.clock)
    for version in (None, "1.0.0"):
        again = await installer.install(version)
        assert (again.install_id, again.replaced, again.granted, again.egress) == (first.install_id, "1.0.0", ["cap:storage.kv"], [])
        context = await installer.context()
        assert context.config == {"color": "green"} and context.secret_envelope is not None and not context.is_enabled
        assert list(await installer.schedules()) == [schedule]
        assert (await installer.row()).previous is None


async def test_installing_again_with_a_choice_grants_exactly_that(installer: Installer) -> None:
    await installer.publish()
    await installer.install(capabilities=[])
    done = await installer.install(capabilities=["cap:http.fetch"])
    assert (done.granted, done.egress) == (["cap:http.fetch"], ["api.example.com"])


async def test_installing_another_version_is_an_upgrade_that_waits_for_consent(installer: Installer) -> None:
    first = await installer.publish(**FEWER)
    await installer.publish(version="2.0.0")
    await installer.install("1.0.0")
    with rejected("CONSENT_REQUIRED") as refused:
        await installer.install("2.0.0")
    assert refused.value.details == {"version": "2.0.0", "capabilities": ["cap:http.fetch"], "egress": ["api.example.com"]}
    assert (await installer.row()).pending is not None and installer.copies() == hexes(first)
    with rejected("CONSENT_REQUIRED"):
        await installer.install("2.0.0", capabilities=["cap:http.fetch"])
    done = await installer.install("2.0.0", capabilities=["cap:http.fetch"], egress=[])
    assert (done.version, done.replaced, done.granted, done.egress) == ("2.0.0", "1.0.0", ["cap:http.fetch"], [])


async def test_installing_another_version_does_not_lose_schedules(installer: Installer) -> None:
    await installer.publish()
    await installer.publish(version="2.0.0", api={"endpoints": [{"method": "GET", "path": "/other", "handler": "dist/main"}]})
    await installer.install("1.0.0")
    await installer.schedule("GET", "/notes")
    with pytest.raises(SchedulesMissing):
        await installer.install("2.0.0")
    assert (await installer.context()).version == "1.0.0"


async def test_the_newest_is_not_an_older_one_than_what_is_there(installer: Installer) -> None:
    await installer.publish()
    await installer.publish(version="2.0.0")
    await installer.install()
    await yank(installer.db, actor=ADA, extension=NOTES, version="2.0.0", reason=None, now=installer.clock)
    assert (await installer.install()).version == "2.0.0"


async def test_the_signature_is_copied_with_the_bundle(installer: Installer, tmp_path: Path) -> None:
    signers = Signers(tmp_path / "keys", required=True)
    archive = installer.archive()
    signature = signature_of(archive, signers.trusted)
    await installer.publish(archive, policy=signers.policy, signature=signature)
    done = await installer.install()
    assert await read_stored_signature(installer.store, installer.copy_key(done)) == signature


async def test_a_published_bundle_that_was_changed_is_not_installed(installer: Installer) -> None:
    published = await installer.publish()
    (installer.store.root / published.key).write_bytes(b"something else")
    with pytest.raises(ArchiveHashMismatch):
        await installer.install()
    assert await installer.count(TenantExtensionInstall) == 0 and installer.copies() == []
    (installer.store.root / published.key).unlink()
    with pytest.raises(BundleNotFound):
        await installer.install()
    assert await installer.count(PendingObject) == 0


async def test_an_own_copy_that_was_damaged_is_mended_by_installing_again(installer: Installer) -> None:
    published = await installer.publish()
    done = await installer.install()
    copy = installer.store.root / installer.copy_key(done)
    copy.write_bytes(b"something else")
    await installer.install()
    assert copy.read_bytes() == (installer.store.root / published.key).read_bytes()


async def test_the_publisher_installs_from_the_very_place_it_published_to(installer: Installer) -> None:
    published = await installer.publish()
    done = await installer.install(actor=ADA)
    assert installer.copy_key(done, actor=ADA) == published.key
    await installer.uninstall(actor=ADA)
    assert (await installer.install()).version == "1.0.0", "others install it still"


async def test_what_was_uninstalled_is_installed_again_without_old_secrets_and_settings(installer: Installer) -> None:
    await installer.publish()
    first = await installer.install()
    await patch_config(installer.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=installer.clock)
    await installer.seal()
    await installer.revoke("cap:http.fetch")
    assert (await installer.uninstall()).bundle_deleted and installer.copies() == []
    again = await installer.install()
    context = await installer.context()
    assert again.install_id == first.install_id and "cap:http.fetch" in again.granted
    assert context.secret_envelope is None and context.config == {}


async def test_an_install_that_was_given_to_another_tenant_by_hand_does_not_stand_in_the_way(installer: Installer) -> None:
    await installer.publish()
    moved = await installer.install()
    async with installer.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(tenant_id=TENANT))
        await session.execute(update(TenantExtensionInstallConfig).values(tenant_id=TENANT))
    again = await installer.install()
    assert again.install_id != moved.install_id
    assert {row.tenant_id for row in [await installer.row(), await installer.row(actor=ADA)]} == {TENANT, OTHER_TENANT}


async def test_declared_schedules_are_made_at_the_first_install_with_the_same_ids_each_time(installer: Installer) -> None:
    api = {"endpoints": [{"method": "POST", "path": "/daily", "handler": "dist/main", "schedulable": True}]}
    schedules = [{"endpoint": "/daily", "cron": "0 9 * * *", "name": "Daily", "timezone": "Europe/Berlin", "payload": {"a": 1}}]
    await installer.publish(api=api, schedules=schedules)
    await installer.install()
    ((schedule_id, (row, call)),) = (await installer.schedules()).items()
    assert (row.name, row.cron, row.timezone, row.enabled, row.payload_json) == ("Daily", "0 9 * * *", "Europe/Berlin", True, {"a": 1})
    assert call == "POST /daily of 1.0.0"
    await installer.install()
    assert await installer.count(TenantExtensionSchedule) == 1
    await installer.uninstall()
    await installer.install()
    assert list(await installer.schedules()) == [schedule_id]


async def test_a_declared_schedule_calls_the_method_that_it_names_or_the_endpoint_that_can_be_scheduled(installer: Installer) -> None:
    def endpoint(method: str, path: str, schedulable: bool) -> dict[str, Any]:
        return {"method": method, "path": path, "handler": "dist/main", "schedulable": schedulable}

    api = {
        "endpoints": [
            *(endpoint("GET", "/both", True), endpoint("POST", "/both", True)),
            *(endpoint("GET", "/one", False), endpoint("POST", "/one", True)),
        ]
    }
    schedules = [{"endpoint": "POST /both", "cron": "0 1 * * *"}, {"endpoint": "/one", "cron": "0 2 * * *"}]
    await installer.publish(api=api, schedules=schedules)
    await installer.install()
    assert {row.cron: call for row, call in (await installer.schedules()).values()} == {
        "0 1 * * *": "POST /both of 1.0.0",
        "0 2 * * *": "POST /one of 1.0.0",
    }


async def test_two_tenants_have_each_their_own(installer: Installer) -> None:
    await installer.publish()
    hers, his = await installer.install(), await installer.install(actor=ADA)
    assert hers.install_id != his.install_id
    await installer.revoke("cap:storage.kv", actor=ADA)
    await installer.uninstall(actor=ADA)
    assert (await installer.row()).granted_caps == ["cap:http.fetch", "cap:storage.kv"]
    assert installer.copies() == hexes(hers)


async def test_installs_at_once_give_one_install(installer: Installer) -> None:
    await installer.publish()
    done = await asyncio.gather(*(installer.install() for _ in range(6)))
    assert len({one.install_id for one in done}) == 1
    assert await installer.count(TenantExtensionInstall) == 1 and await installer.count(PendingObject) == 0
    assert installer.copies() == hexes(done[0])


async def test_installing_and_uninstalling_at_once_ends_with_all_or_nothing(installer: Installer) -> None:
    await installer.publish()
    for _ in range(5):
        await installer.install()
        await asyncio.gather(installer.install(), installer.uninstall(), installer.install(), return_exceptions=True)
        rows = await installer.count(TenantExtensionInstall)
        assert len(installer.copies()) == rows <= 1
        assert await installer.count(PendingObject) == 0


async def test_different_versions_installed_at_once_end_with_one_of_them_and_its_bundle(installer: Installer) -> None:
    published = {version: await installer.publish(version=version) for version in ("1.0.0", "1.1.0", "1.2.0")}
    await asyncio.gather(*(installer.install(version) for version in published), return_exceptions=True)
    context = await installer.context()
    assert context.content_hash == published[context.version].content_hash
    assert context.content_hash.removeprefix("sha256:") in installer.copies()


async def test_an_extension_is_named_as_people_name_it(installer: Installer) -> None:
    published = await installer.publish()
    for name in (published.registry_id, "com.example.notes", "ACME.com.example.Notes"):
        done = await install_version(
            collaborators(installer.db, installer.store, policy=installer.policy, now=installer.clock), actor=EVE, extension=name
        )
        assert done.registry_id == published.registry_id


async def test_a_version_for_a_later_host_is_neither_installed_nor_upgraded_to(installer: Installer) -> None:
    await installer.publish()
    await installer.install("1.0.0")
    await installer.publish(version="1.1.0", marker="new")
    async with installer.db.transaction() as session:
        # As a later host on the same database would have published it.
        row = (await session.scalars(select(ExtensionVersion).where(ExtensionVersion.version_key == "1.1.0"))).one()
        row.manifest = {**(row.manifest or {}), "minHostVersion": "99.0.0"}
    with pytest.raises(HostTooOld, match=r"99\.0\.0"):
        await installer.upgrade("1.1.0")
    await installer.uninstall()
    with pytest.raises(HostTooOld, match=r"99\.0\.0"):
        await installer.install("1.1.0")
    assert await installer.count(TenantExtensionInstall) == 0
