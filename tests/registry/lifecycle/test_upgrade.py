"""Changing versions: consent for what is new, schedules that are matched, the way back, and one consistent state for many at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.errors import ExtensionNotInstalled
from holdfast.registry.installs.config import patch_config, set_enabled
from holdfast.registry.installs.missing_schedules import SchedulesMissing
from holdfast.registry.installs.schedules import DISABLED
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionVersion
from holdfast.registry.models.publishing import ExtensionAuditLog, PendingObject
from holdfast.registry.publishing.versions import yank
from tests.error_codes import has_code, rejected
from tests.records.databases import OTHER_TENANT
from tests.registry.collaborators import collaborators
from tests.registry.installer import NOTES, Installer, endpoints, hexes
from tests.registry.publisher import ADA, EVE

KV, FETCH, SECRETS = "cap:storage.kv", "cap:http.fetch", "cap:secrets.get"
HOST, OTHER_HOST = "api.example.com", "other.example.com"
SMALL: dict[str, Any] = {"capabilities": [KV], "egress": [HOST]}
LARGE: dict[str, Any] = {"capabilities": [KV, FETCH], "egress": [HOST, OTHER_HOST]}
LARGEST: dict[str, Any] = {"capabilities": [KV, FETCH, SECRETS], "egress": [HOST, OTHER_HOST]}


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


async def test_an_upgrade_changes_the_version_and_keeps_everything_else(installer: Installer) -> None:
    first, second = await installer.publish(), await installer.publish(version="2.0.0")
    installed = await installer.install("1.0.0")
    await patch_config(installer.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=installer.clock)
    await installer.seal()
    schedule = await installer.schedule("GET", "/notes", name="Mine")
    await set_enabled(installer.db, actor=EVE, extension=NOTES, enabled=False, now=installer.clock)
    done = await installer.upgrade()
    assert (done.install_id, done.from_version, done.version, done.disabled_schedules) == (installed.install_id, "1.0.0", "2.0.0", [])
    assert (done.granted, done.egress) == ([FETCH, KV], [HOST])
    context = await installer.context()
    assert (context.version, context.content_hash, context.is_enabled) == ("2.0.0", second.content_hash, False)
    assert context.config == {"color": "green"} and context.secret_envelope is not None
    row, call = (await installer.schedules())[schedule]
    assert (row.enabled, row.name, call) == (True, "Mine", "GET /notes of 2.0.0")
    assert (await installer.row()).previous == {"version_id": first.version_id, "granted_caps": [FETCH, KV], "granted_egress": [HOST]}
    assert installer.copies() == hexes(first, second), "the rollback needs the old one"


async def test_new_settings_take_their_defaults_and_old_ones_stay(installer: Installer) -> None:
    await installer.publish(settings=[{"key": "color", "default": "red"}])
    await installer.publish(
        version="2.0.0", settings=[{"key": "color", "default": "blue"}, {"key": "size", "type": "number", "default": 3}]
    )
    await installer.install("1.0.0")
    await installer.upgrade()
    assert (await installer.context()).config == {"color": "red", "size": "3"}


async def test_what_asks_for_more_waits_for_consent_and_says_what_is_new(installer: Installer) -> None:
    first, second = await installer.publish(**SMALL), await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    with rejected("CONSENT_REQUIRED") as refused:
        await installer.upgrade()
    assert (refused.value.code, refused.value.status) == ("CONSENT_REQUIRED", 409)
    assert refused.value.details == {"version": "2.0.0", "capabilities": [FETCH], "egress": [OTHER_HOST]}
    pending = {"version_id": second.version_id, "version": "2.0.0", "capabilities": [FETCH], "egress": [OTHER_HOST]}
    assert (await installer.grants()).pending == pending
    assert (await installer.context()).version == "1.0.0" and installer.copies() == hexes(first)
    done = await installer.upgrade(consent=True)
    assert (done.version, done.granted, done.egress) == ("2.0.0", [FETCH, KV], [HOST, OTHER_HOST])
    assert (await installer.grants()).pending is None
    assert await installer.events() == ["extension.installed", "extension.consent_required", "extension.upgraded"]


async def test_asking_for_consent_again_and_again_is_recorded_once(installer: Installer) -> None:
    await installer.publish(**SMALL)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    for _ in range(3):
        with rejected("CONSENT_REQUIRED"):
            await installer.upgrade()
    assert (await installer.events()).count("extension.consent_required") == 1


async def test_consent_may_be_given_at_once(installer: Installer) -> None:
    await installer.publish(**SMALL)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    assert (await installer.upgrade(consent=True)).granted == [FETCH, KV]


async def test_consent_is_for_what_was_shown_and_not_for_what_was_published_since(installer: Installer) -> None:
    await installer.publish(**SMALL)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    with rejected("CONSENT_REQUIRED"):
        await installer.upgrade()
    await installer.publish(version="3.0.0", **LARGEST)
    done = await installer.upgrade(consent=True)
    assert (done.version, done.granted) == ("2.0.0", [FETCH, KV])
    with rejected("CONSENT_REQUIRED") as refused:
        await installer.upgrade()
    assert refused.value.details["capabilities"] == [SECRETS]


async def test_consent_to_a_version_that_asks_for_more_than_was_shown_is_none(installer: Installer) -> None:
    await installer.publish(**SMALL)
    second = await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    with rejected("CONSENT_REQUIRED"):
        await installer.upgrade()
    # In development, and on other platforms, a version can change after it was shown.
    async with installer.db.transaction() as session:
        await session.execute(
            update(ExtensionVersion).where(ExtensionVersion.id == second.version_id).values(capabilities=[KV, FETCH, SECRETS])
        )
    with rejected("CONSENT_REQUIRED") as refused:
        await installer.upgrade(consent=True)
    assert refused.value.details["capabilities"] == [FETCH, SECRETS]
    assert (await installer.upgrade(consent=True)).granted == [FETCH, SECRETS, KV]


async def test_what_was_revoked_stays_revoked_and_is_not_asked_about_again(installer: Installer) -> None:
    await installer.publish(**LARGE)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.publish(version="3.0.0", **LARGEST)
    await installer.install("1.0.0")
    await installer.revoke(FETCH, egress=(HOST,))
    assert (await installer.upgrade("2.0.0")).granted == [KV]
    done = await installer.upgrade("3.0.0", consent=True)
    assert (done.granted, done.egress) == ([SECRETS, KV], [OTHER_HOST])


async def test_what_a_version_does_not_ask_for_any_more_is_not_granted_any_more(installer: Installer) -> None:
    await installer.publish(**LARGE)
    await installer.publish(version="2.0.0", **SMALL)
    await installer.install("1.0.0")
    done = await installer.upgrade()
    assert (done.granted, done.egress) == ([KV], [HOST])


async def test_an_upgrade_to_what_is_there_changes_nothing(installer: Installer) -> None:
    await installer.publish()
    await installer.install()
    before = (await installer.row()).updated_at
    for version in (None, "1.0.0", "1.0.*"):
        done = await installer.upgrade(version)
        assert (done.from_version, done.version) == ("1.0.0", "1.0.0")
    row = await installer.row()
    assert (row.updated_at, row.previous) == (before, None) and await installer.events() == ["extension.installed"]


async def test_the_newest_is_never_an_older_one_but_an_older_one_can_be_named(installer: Installer) -> None:
    await installer.publish()
    await installer.publish(version="2.0.0")
    await installer.install()
    await yank(installer.db, actor=ADA, extension=NOTES, version="2.0.0", reason=None, now=installer.clock)
    assert (await installer.upgrade()).version == "2.0.0"
    assert (await installer.upgrade("1.0.0")).version == "1.0.0"
    with rejected("version_yanked"):
        await installer.upgrade("2.0.0")


async def test_what_is_not_installed_is_not_upgraded_or_rolled_back(installer: Installer) -> None:
    await installer.publish()
    await installer.install(actor=ADA)
    with pytest.raises(ExtensionNotInstalled):
        await installer.upgrade()
    with pytest.raises(ExtensionNotInstalled):
        await installer.rollback()


async def test_a_version_that_asks_for_an_unknown_capability_is_refused(installer: Installer) -> None:
    await installer.publish()
    second = await installer.publish(version="2.0.0")
    await installer.install("1.0.0")
    async with installer.db.transaction() as session:
        await session.execute(
            update(ExtensionVersion).where(ExtensionVersion.id == second.version_id).values(capabilities=["cap:rule.world"])
        )
    with rejected("unknown_capability"):
        await installer.upgrade(consent=True)


async def test_only_the_copies_of_this_version_and_the_one_before_are_kept(installer: Installer) -> None:
    published = [await installer.publish(version=version) for version in ("1.0.0", "2.0.0", "3.0.0")]
    await installer.install("1.0.0")
    await installer.upgrade("2.0.0")
    await installer.upgrade("3.0.0")
    assert installer.copies() == hexes(*published[1:])
    assert len(installer.copies(actor=ADA)) == 3, "what others install from stays"
    assert await installer.count(PendingObject) == 0


async def test_a_rollback_goes_back_and_another_one_comes_forward(installer: Installer) -> None:
    await installer.publish(**SMALL)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    await patch_config(installer.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=installer.clock)
    await installer.upgrade(consent=True)
    back = await installer.rollback()
    assert (back.from_version, back.version, back.granted, back.egress) == ("2.0.0", "1.0.0", [KV], [HOST])
    assert (await installer.context()).config == {"color": "green"}
    forward = await installer.rollback()
    assert (forward.from_version, forward.version) == ("1.0.0", "2.0.0")
    assert (forward.granted, forward.egress) == ([FETCH, KV], [HOST, OTHER_HOST])
    assert (await installer.events())[-2:] == ["extension.rolled_back"] * 2


async def test_a_rollback_does_not_give_back_what_was_revoked_since(installer: Installer) -> None:
    await installer.publish(**LARGE)
    await installer.publish(version="2.0.0", **SMALL)
    await installer.install("1.0.0")
    await installer.upgrade()
    await installer.revoke(KV, egress=(HOST,))
    back = await installer.rollback()
    assert (back.granted, back.egress) == ([FETCH], [OTHER_HOST])
    await installer.grant(KV)
    assert (await installer.rollback()).granted == [], "there it was revoked"


async def test_a_rollback_gives_the_grants_of_then(installer: Installer) -> None:
    await installer.publish(**LARGE)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0", capabilities=[KV])
    await installer.upgrade()
    await installer.grant(FETCH)
    assert (await installer.rollback()).granted == [KV]


async def test_a_rollback_may_lead_to_a_version_that_was_withdrawn(installer: Installer) -> None:
    await installer.publish()
    await installer.publish(version="2.0.0")
    await installer.install("1.0.0")
    await installer.upgrade()
    await yank(installer.db, actor=ADA, extension=NOTES, version="1.0.0", reason=None, now=installer.clock)
    assert (await installer.rollback()).version == "1.0.0"


async def test_a_rollback_brings_a_copy_that_was_lost(installer: Installer) -> None:
    first = await installer.publish()
    await installer.publish(version="2.0.0")
    done = await installer.install("1.0.0")
    await installer.upgrade()
    (installer.store.root / installer.copy_key(done)).unlink()
    await installer.rollback()
    assert hexes(first)[0] in installer.copies()


async def test_schedules_that_an_upgrade_disabled_run_again_after_the_rollback(installer: Installer) -> None:
    await installer.publish(api=endpoints("/a", "/b"))
    await installer.publish(version="2.0.0", api=endpoints("/a", "/c"))
    await installer.install("1.0.0")
    lost, off = await installer.schedule("GET", "/b"), await installer.schedule("GET", "/a", enabled=False)
    await installer.upgrade(disable_missing=True)
    new = await installer.schedule("GET", "/c")
    with pytest.raises(SchedulesMissing):
        await installer.rollback()
    done = await installer.rollback(disable_missing=True)
    assert [one.schedule_id for one in done.disabled_schedules] == [new]
    rows = await installer.schedules()
    assert (rows[lost][0].enabled, rows[lost][0].last_error) == (True, None)
    assert (rows[off][0].enabled, rows[new][0].last_error) == (False, DISABLED)


async def test_without_a_version_before_there_is_nothing_to_roll_back(installer: Installer) -> None:
    await installer.publish()
    await installer.install()
    with rejected("nothing_to_roll_back") as refused:
        await installer.rollback()
    assert refused.value.status == 409


async def test_what_was_installed_for_development_can_be_rolled_back(installer: Installer) -> None:
    for version in ("1.0.0", "2.0.0"):
        await install_archive(
            collaborators(installer.db, installer.store, now=installer.clock),
            installer.archive(version=version),
            actor=local_actor(OTHER_TENANT),
            check_component=None,
        )
    assert (await installer.rollback()).version == "1.0.0"
    assert (await installer.rollback()).version == "2.0.0"


async def test_upgrades_at_once_end_with_one_of_them_whole(installer: Installer) -> None:
    published = {version: await installer.publish(version=version) for version in ("1.0.0", "2.0.0", "3.0.0", "4.0.0")}
    await installer.install("1.0.0")
    schedule = await installer.schedule("GET", "/notes")
    work = [installer.upgrade(version) for version in ("2.0.0", "3.0.0", "4.0.0", "2.0.0")]
    outcomes = await asyncio.gather(*work, installer.rollback(), installer.revoke(FETCH), return_exceptions=True)
    assert not [one for one in outcomes if isinstance(one, BaseException) and not has_code(one, "nothing_to_roll_back")]
    row, context = await installer.row(), await installer.context()
    assert (
        context.content_hash == published[context.version].content_hash
        and context.content_hash.removeprefix("sha256:") in installer.copies()
    )
    assert row.previous is not None and row.granted_caps == [KV]
    assert (await installer.schedules())[schedule][1] == f"GET /notes of {context.version}"
    by_id = {one.version_id: one for one in published.values()}
    assert installer.copies() == hexes(published[context.version], by_id[row.previous["version_id"]])
    assert await installer.count(PendingObject) == 0


async def test_the_audit_log_names_versions_and_grants_and_never_settings(installer: Installer) -> None:
    await installer.publish(**SMALL)
    await installer.publish(version="2.0.0", **LARGE)
    await installer.install("1.0.0")
    await patch_config(installer.db, actor=EVE, extension=NOTES, set={"color": "a value"}, now=installer.clock)
    await installer.upgrade(consent=True)
    async with installer.db.session() as session:
        entries = (await session.scalars(select(ExtensionAuditLog).order_by(ExtensionAuditLog.created_at))).all()
    assert entries[-1].details == {
        "from_version": "1.0.0",
        "version": "2.0.0",
        "granted": [FETCH, KV],
        "egress": [HOST, OTHER_HOST],
        "disabled_schedules": [],
    }
    assert "a value" not in str([entry.details for entry in entries])
