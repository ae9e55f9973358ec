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
from holdfast.registry.errors import ExtensionNotInstalled, UnknownCapability, VersionYanked
from holdfast.registry.installs.config import patch_config, set_enabled
from holdfast.registry.installs.dev_install import install_archive
from holdfast.registry.installs.schedules import DISABLED
from holdfast.registry.installs.upgrade_errors import ConsentRequired, NothingToRollBack, SchedulesMissing
from holdfast.registry.models.installs import ExtensionVersion
from holdfast.registry.models.publishing import ExtensionAuditLog, PendingObject
from holdfast.registry.publishing.versions import yank
from tests.records.databases import OTHER_TENANT
from tests.registry.collaborators import collaborators
from tests.registry.counter import NOTES, Counter, endpoints, hexes
from tests.registry.published import ADA, EVE

KV, FETCH, SECRETS = "cap:storage.kv", "cap:http.fetch", "cap:secrets.get"
HOST, OTHER_HOST = "api.example.com", "other.example.com"
SMALL: dict[str, Any] = {"capabilities": [KV], "egress": [HOST]}
LARGE: dict[str, Any] = {"capabilities": [KV, FETCH], "egress": [HOST, OTHER_HOST]}
LARGEST: dict[str, Any] = {"capabilities": [KV, FETCH, SECRETS], "egress": [HOST, OTHER_HOST]}


@pytest.fixture
def counter(db: Database, store: FolderStore, tmp_path: Path) -> Counter:
    return Counter(db, store, tmp_path)


async def test_an_upgrade_changes_the_version_and_keeps_everything_else(counter: Counter) -> None:
    first, second = await counter.publish(), await counter.publish(version="2.0.0")
    installed = await counter.install("1.0.0")
    await patch_config(counter.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=counter.clock)
    await counter.seal()
    schedule = await counter.schedule("GET", "/notes", name="Mine")
    await set_enabled(counter.db, actor=EVE, extension=NOTES, enabled=False, now=counter.clock)
    done = await counter.upgrade()
    assert (done.install_id, done.from_version, done.version, done.disabled_schedules) == (installed.install_id, "1.0.0", "2.0.0", [])
    assert (done.granted, done.egress) == ([FETCH, KV], [HOST])
    context = await counter.context()
    assert (context.version, context.content_hash, context.is_enabled) == ("2.0.0", second.content_hash, False)
    assert context.config == {"color": "green"} and context.secret_envelope is not None
    row, call = (await counter.schedules())[schedule]
    assert (row.enabled, row.name, call) == (True, "Mine", "GET /notes of 2.0.0")
    assert (await counter.row()).previous == {"version_id": first.version_id, "granted_caps": [FETCH, KV], "granted_egress": [HOST]}
    assert counter.copies() == hexes(first, second), "the rollback needs the old one"


async def test_new_settings_take_their_defaults_and_old_ones_stay(counter: Counter) -> None:
    await counter.publish(settings=[{"key": "color", "default": "red"}])
    await counter.publish(version="2.0.0", settings=[{"key": "color", "default": "blue"}, {"key": "size", "type": "number", "default": 3}])
    await counter.install("1.0.0")
    await counter.upgrade()
    assert (await counter.context()).config == {"color": "red", "size": "3"}


async def test_what_asks_for_more_waits_for_consent_and_says_what_is_new(counter: Counter) -> None:
    first, second = await counter.publish(**SMALL), await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    with pytest.raises(ConsentRequired) as refused:
        await counter.upgrade()
    assert (refused.value.code, refused.value.status) == ("CONSENT_REQUIRED", 409)
    assert refused.value.details == {"version": "2.0.0", "capabilities": [FETCH], "egress": [OTHER_HOST]}
    pending = {"version_id": second.version_id, "version": "2.0.0", "capabilities": [FETCH], "egress": [OTHER_HOST]}
    assert (await counter.grants()).pending == pending
    assert (await counter.context()).version == "1.0.0" and counter.copies() == hexes(first)
    done = await counter.upgrade(consent=True)
    assert (done.version, done.granted, done.egress) == ("2.0.0", [FETCH, KV], [HOST, OTHER_HOST])
    assert (await counter.grants()).pending is None
    assert await counter.events() == ["extension.installed", "extension.consent_required", "extension.upgraded"]


async def test_asking_for_consent_again_and_again_is_recorded_once(counter: Counter) -> None:
    await counter.publish(**SMALL)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    for _ in range(3):
        with pytest.raises(ConsentRequired):
            await counter.upgrade()
    assert (await counter.events()).count("extension.consent_required") == 1


async def test_consent_may_be_given_at_once(counter: Counter) -> None:
    await counter.publish(**SMALL)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    assert (await counter.upgrade(consent=True)).granted == [FETCH, KV]


async def test_consent_is_for_what_was_shown_and_not_for_what_was_published_since(counter: Counter) -> None:
    await counter.publish(**SMALL)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    with pytest.raises(ConsentRequired):
        await counter.upgrade()
    await counter.publish(version="3.0.0", **LARGEST)
    done = await counter.upgrade(consent=True)
    assert (done.version, done.granted) == ("2.0.0", [FETCH, KV])
    with pytest.raises(ConsentRequired) as refused:
        await counter.upgrade()
    assert refused.value.details["capabilities"] == [SECRETS]


async def test_consent_to_a_version_that_asks_for_more_than_was_shown_is_none(counter: Counter) -> None:
    await counter.publish(**SMALL)
    second = await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    with pytest.raises(ConsentRequired):
        await counter.upgrade()
    # In development, and on other platforms, a version can change after it was shown.
    async with counter.db.transaction() as session:
        await session.execute(
            update(ExtensionVersion).where(ExtensionVersion.id == second.version_id).values(capabilities=[KV, FETCH, SECRETS])
        )
    with pytest.raises(ConsentRequired) as refused:
        await counter.upgrade(consent=True)
    assert refused.value.details["capabilities"] == [FETCH, SECRETS]
    assert (await counter.upgrade(consent=True)).granted == [FETCH, SECRETS, KV]


async def test_what_was_revoked_stays_revoked_and_is_not_asked_about_again(counter: Counter) -> None:
    await counter.publish(**LARGE)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.publish(version="3.0.0", **LARGEST)
    await counter.install("1.0.0")
    await counter.revoke(FETCH, egress=(HOST,))
    assert (await counter.upgrade("2.0.0")).granted == [KV]
    done = await counter.upgrade("3.0.0", consent=True)
    assert (done.granted, done.egress) == ([SECRETS, KV], [OTHER_HOST])


async def test_what_a_version_does_not_ask_for_any_more_is_not_granted_any_more(counter: Counter) -> None:
    await counter.publish(**LARGE)
    await counter.publish(version="2.0.0", **SMALL)
    await counter.install("1.0.0")
    done = await counter.upgrade()
    assert (done.granted, done.egress) == ([KV], [HOST])


async def test_an_upgrade_to_what_is_there_changes_nothing(counter: Counter) -> None:
    await counter.publish()
    await counter.install()
    before = (await counter.row()).updated_at
    for version in (None, "1.0.0", "1.0.*"):
        done = await counter.upgrade(version)
        assert (done.from_version, done.version) == ("1.0.0", "1.0.0")
    row = await counter.row()
    assert (row.updated_at, row.previous) == (before, None) and await counter.events() == ["extension.installed"]


async def test_the_newest_is_never_an_older_one_but_an_older_one_can_be_named(counter: Counter) -> None:
    await counter.publish()
    await counter.publish(version="2.0.0")
    await counter.install()
    await yank(counter.db, actor=ADA, extension=NOTES, version="2.0.0", reason=None, now=counter.clock)
    assert (await counter.upgrade()).version == "2.0.0"
    assert (await counter.upgrade("1.0.0")).version == "1.0.0"
    with pytest.raises(VersionYanked):
        await counter.upgrade("2.0.0")


async def test_what_is_not_installed_is_not_upgraded_or_rolled_back(counter: Counter) -> None:
    await counter.publish()
    await counter.install(actor=ADA)
    with pytest.raises(ExtensionNotInstalled):
        await counter.upgrade()
    with pytest.raises(ExtensionNotInstalled):
        await counter.rollback()


async def test_a_version_that_asks_for_an_unknown_capability_is_refused(counter: Counter) -> None:
    await counter.publish()
    second = await counter.publish(version="2.0.0")
    await counter.install("1.0.0")
    async with counter.db.transaction() as session:
        await session.execute(
            update(ExtensionVersion).where(ExtensionVersion.id == second.version_id).values(capabilities=["cap:rule.world"])
        )
    with pytest.raises(UnknownCapability):
        await counter.upgrade(consent=True)


async def test_only_the_copies_of_this_version_and_the_one_before_are_kept(counter: Counter) -> None:
    published = [await counter.publish(version=version) for version in ("1.0.0", "2.0.0", "3.0.0")]
    await counter.install("1.0.0")
    await counter.upgrade("2.0.0")
    await counter.upgrade("3.0.0")
    assert counter.copies() == hexes(*published[1:])
    assert len(counter.copies(actor=ADA)) == 3, "what others install from stays"
    assert await counter.count(PendingObject) == 0


async def test_a_rollback_goes_back_and_another_one_comes_forward(counter: Counter) -> None:
    await counter.publish(**SMALL)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    await patch_config(counter.db, actor=EVE, extension=NOTES, set={"color": "green"}, now=counter.clock)
    await counter.upgrade(consent=True)
    back = await counter.rollback()
    assert (back.from_version, back.version, back.granted, back.egress) == ("2.0.0", "1.0.0", [KV], [HOST])
    assert (await counter.context()).config == {"color": "green"}
    forward = await counter.rollback()
    assert (forward.from_version, forward.version) == ("1.0.0", "2.0.0")
    assert (forward.granted, forward.egress) == ([FETCH, KV], [HOST, OTHER_HOST])
    assert (await counter.events())[-2:] == ["extension.rolled_back"] * 2


async def test_a_rollback_does_not_give_back_what_was_revoked_since(counter: Counter) -> None:
    await counter.publish(**LARGE)
    await counter.publish(version="2.0.0", **SMALL)
    await counter.install("1.0.0")
    await counter.upgrade()
    await counter.revoke(KV, egress=(HOST,))
    back = await counter.rollback()
    assert (back.granted, back.egress) == ([FETCH], [OTHER_HOST])
    await counter.grant(KV)
    assert (await counter.rollback()).granted == [], "there it was revoked"


async def test_a_rollback_gives_the_grants_of_then(counter: Counter) -> None:
    await counter.publish(**LARGE)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0", capabilities=[KV])
    await counter.upgrade()
    await counter.grant(FETCH)
    assert (await counter.rollback()).granted == [KV]


async def test_a_rollback_may_lead_to_a_version_that_was_withdrawn(counter: Counter) -> None:
    await counter.publish()
    await counter.publish(version="2.0.0")
    await counter.install("1.0.0")
    await counter.upgrade()
    await yank(counter.db, actor=ADA, extension=NOTES, version="1.0.0", reason=None, now=counter.clock)
    assert (await counter.rollback()).version == "1.0.0"


async def test_a_rollback_brings_a_copy_that_was_lost(counter: Counter) -> None:
    first = await counter.publish()
    await counter.publish(version="2.0.0")
    done = await counter.install("1.0.0")
    await counter.upgrade()
    (counter.store.root / counter.copy_key(done)).unlink()
    await counter.rollback()
    assert hexes(first)[0] in counter.copies()


async def test_schedules_that_an_upgrade_disabled_run_again_after_the_rollback(counter: Counter) -> None:
    await counter.publish(api=endpoints("/a", "/b"))
    await counter.publish(version="2.0.0", api=endpoints("/a", "/c"))
    await counter.install("1.0.0")
    lost, off = await counter.schedule("GET", "/b"), await counter.schedule("GET", "/a", enabled=False)
    await counter.upgrade(disable_missing=True)
    new = await counter.schedule("GET", "/c")
    with pytest.raises(SchedulesMissing):
        await counter.rollback()
    done = await counter.rollback(disable_missing=True)
    assert [one.schedule_id for one in done.disabled_schedules] == [new]
    rows = await counter.schedules()
    assert (rows[lost][0].enabled, rows[lost][0].last_error) == (True, None)
    assert (rows[off][0].enabled, rows[new][0].last_error) == (False, DISABLED)


async def test_without_a_version_before_there_is_nothing_to_roll_back(counter: Counter) -> None:
    await counter.publish()
    await counter.install()
    with pytest.raises(NothingToRollBack) as refused:
        await counter.rollback()
    assert refused.value.status == 409


async def test_what_was_installed_for_development_can_be_rolled_back(counter: Counter) -> None:
    for version in ("1.0.0", "2.0.0"):
        await install_archive(
            collaborators(counter.db, counter.store, now=counter.clock),
            counter.archive(version=version),
            actor=local_actor(OTHER_TENANT),
            check_component=None,
        )
    assert (await counter.rollback()).version == "1.0.0"
    assert (await counter.rollback()).version == "2.0.0"


async def test_upgrades_at_once_end_with_one_of_them_whole(counter: Counter) -> None:
    published = {version: await counter.publish(version=version) for version in ("1.0.0", "2.0.0", "3.0.0", "4.0.0")}
    await counter.install("1.0.0")
    schedule = await counter.schedule("GET", "/notes")
    work = [counter.upgrade(version) for version in ("2.0.0", "3.0.0", "4.0.0", "2.0.0")]
    outcomes = await asyncio.gather(*work, counter.rollback(), counter.revoke(FETCH), return_exceptions=True)
    assert not [one for one in outcomes if isinstance(one, BaseException) and not isinstance(one, NothingToRollBack)]
    row, context = await counter.row(), await counter.context()
    assert (
        context.content_hash == published[context.version].content_hash and context.content_hash.removeprefix("sha256:") in counter.copies()
    )
    assert row.previous is not None and row.granted_caps == [KV]
    assert (await counter.schedules())[schedule][1] == f"GET /notes of {context.version}"
    by_id = {one.version_id: one for one in published.values()}
    assert counter.copies() == hexes(published[context.version], by_id[row.previous["version_id"]])
    assert await counter.count(PendingObject) == 0


async def test_the_audit_log_names_versions_and_grants_and_never_settings(counter: Counter) -> None:
    await counter.publish(**SMALL)
    await counter.publish(version="2.0.0", **LARGE)
    await counter.install("1.0.0")
    await patch_config(counter.db, actor=EVE, extension=NOTES, set={"color": "a value"}, now=counter.clock)
    await counter.upgrade(consent=True)
    async with counter.db.session() as session:
        entries = (await session.scalars(select(ExtensionAuditLog).order_by(ExtensionAuditLog.created_at))).all()
    assert entries[-1].details == {
        "from_version": "1.0.0",
        "version": "2.0.0",
        "granted": [FETCH, KV],
        "egress": [HOST, OTHER_HOST],
        "disabled_schedules": [],
    }
    assert "a value" not in str([entry.details for entry in entries])
