"""Versions: which there are, which one is meant, and withdrawing one."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.versions import InvalidVersion
from holdfast.records.database.database import Database
from holdfast.records.database.uuids import new_id
from holdfast.registry.actors import local_actor
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.ids import registry_id
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry, ExtensionVersion
from holdfast.registry.models.publishing import ExtensionAuditLog
from holdfast.registry.publishing.results import Published
from holdfast.registry.publishing.versions import find_extension, list_versions, resolve_version, unyank, yank
from tests.bundles.signers import Signers, signature_of
from tests.error_codes import rejected
from tests.records.databases import OTHER_TENANT, TENANT
from tests.registry.collaborators import collaborators
from tests.registry.publisher import ADA, EVE, Publisher

NOTES = "acme.com.example.notes"


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def _publish(publisher: Publisher, *versions: str) -> Published:
    return [await publisher.publish(version=version) for version in versions][-1]


async def _resolved(publisher: Publisher, wanted: str | None, *, allow_yanked: bool = False) -> str:
    async with publisher.db.session() as session:
        registry = await find_extension(session, TENANT, NOTES)
        assert registry is not None
        return (await resolve_version(session, registry.id, wanted, tenant_id=TENANT, allow_yanked=allow_yanked)).version


async def _yank(publisher: Publisher, version: str, reason: str | None = None) -> None:
    await yank(publisher.db, actor=ADA, extension=NOTES, version=version, reason=reason, now=publisher.clock)


async def test_versions_are_listed_the_newest_published_first(publisher: Publisher) -> None:
    signers = Signers(publisher.folder / "trusted-keys.json", required=False)
    await _publish(publisher, "2.0.0")
    archive = publisher.archive(version="1.0.0", egress=["b.example.com"], capabilities=["cap:http.fetch"])
    signed = await publisher.publish(archive, policy=signers.policy, signature=signature_of(archive, signers.trusted))
    newest, oldest = await list_versions(publisher.db, tenant_id=TENANT, extension=NOTES)
    assert (newest.version, oldest.version) == ("1.0.0", "2.0.0")
    assert (newest.version_id, newest.content_hash, newest.size_bytes) == (signed.version_id, signed.content_hash, signed.size_bytes)
    assert newest.published_at == datetime(2026, 1, 1, 0, 0, 2, tzinfo=UTC)
    assert (newest.capabilities, newest.egress) == (["cap:http.fetch"], ["b.example.com"])
    assert (newest.signing_key_id, oldest.signing_key_id) == (signers.trusted.public.key_id, None)
    assert not any(version.installed or version.yanked for version in (newest, oldest))


async def test_the_version_that_the_tenant_has_is_marked_for_that_tenant_alone(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    archive = publisher.archive(version="1.1.0", publisher="acme")
    await install_archive(collaborators(publisher.db, publisher.store), archive, actor=local_actor(TENANT), check_component=None)
    ours = await list_versions(publisher.db, tenant_id=TENANT, extension=NOTES)
    theirs = await list_versions(publisher.db, tenant_id=OTHER_TENANT, extension=NOTES)
    assert {version.version: version.installed for version in ours} == {"1.0.0": False, "1.1.0": True}
    assert not any(version.installed for version in theirs)


async def test_a_version_with_several_bundles_is_one_line_with_the_newest(publisher: Publisher) -> None:
    done = await _publish(publisher, "1.0.0")
    async with publisher.db.transaction() as session:
        older = datetime(2020, 1, 1, tzinfo=UTC)
        session.add(ExtensionBundle(id=new_id(), version_id=done.version_id, content_hash=f"sha256:{'0' * 64}", created_at=older))
    (version,) = await list_versions(publisher.db, tenant_id=TENANT, extension=NOTES)
    assert version.content_hash == done.content_hash


async def test_an_extension_is_found_by_id_by_its_written_name_and_by_a_bare_name_that_is_the_only_one(publisher: Publisher) -> None:
    done = await _publish(publisher, "1.0.0")
    async with publisher.db.session() as session:
        for written in (done.registry_id, done.registry_id.upper(), NOTES, "Acme.Com.Example.Notes", f" {NOTES} ", "com.example.notes"):
            found = await find_extension(session, TENANT, written)
            assert found is not None and found.id == done.registry_id
        for other in ("notes", "acme.notes", new_id(), ""):
            assert await find_extension(session, TENANT, other) is None


async def test_a_bare_name_that_several_have_is_ambiguous(publisher: Publisher) -> None:
    await publisher.publish()
    await publisher.publish(publisher="other", actor=EVE)
    async with publisher.db.session() as session:
        with rejected("ambiguous_extension") as refused:
            await find_extension(session, TENANT, "com.example.notes")
        assert (await find_extension(session, TENANT, "other.com.example.notes")) is not None
    assert refused.value.details == {"candidates": [NOTES, "other.com.example.notes"]}


async def test_of_names_that_differ_in_letter_case_alone_the_one_that_is_written_counts(publisher: Publisher) -> None:
    async with publisher.db.transaction() as session:
        for written in ("acme", "Acme"):
            session.add(ExtensionRegistry(id=registry_id(written, "notes"), publisher=written, name="notes"))
    async with publisher.db.session() as session:
        found = await find_extension(session, TENANT, "Acme.notes")
        assert found is not None and found.publisher == "Acme"
        with rejected("ambiguous_extension"):
            await find_extension(session, TENANT, "ACME.notes")


async def test_what_was_never_published_is_unknown(publisher: Publisher) -> None:
    with rejected("extension_not_found"):
        await list_versions(publisher.db, tenant_id=TENANT, extension="acme.nothing")


@pytest.mark.parametrize(
    ("published", "newest"),
    [
        (["1.10.0", "1.9.0", "1.2.0"], "1.10.0"),
        (["1.0.0", "2.0.0-rc.1"], "1.0.0"),
        (["1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-beta"], "1.0.0-rc.10"),
        (["1.0.0-rc", "1.0.0", "1.0.0-zz"], "1.0.0"),
    ],
)
async def test_without_a_wish_the_newest_release_is_meant_or_else_the_newest_pre_release(
    publisher: Publisher, published: list[str], newest: str
) -> None:
    await _publish(publisher, *published)
    assert await _resolved(publisher, None) == newest


async def test_a_pattern_means_its_highest_release(publisher: Publisher) -> None:
    await _publish(publisher, "1.2.2", "1.2.10", "1.2.11-rc.1", "1.3.0")
    assert await _resolved(publisher, "1.2.*") == "1.2.10"
    with rejected("version_not_found"):
        await _resolved(publisher, "1.4.*")


@pytest.mark.parametrize("pattern", ["1.*", "*", "1.*.*", "^1.*"])
async def test_other_patterns_are_refused(publisher: Publisher, pattern: str) -> None:
    await _publish(publisher, "1.2.2")
    with pytest.raises(InvalidVersion):
        await _resolved(publisher, pattern)


async def test_versions_that_are_none_are_passed_over_unless_there_is_nothing_else(publisher: Publisher) -> None:
    done = await _publish(publisher, "1.0.0")
    async with publisher.db.transaction() as session:
        row = await session.get(ExtensionVersion, done.version_id)
        assert row is not None
        row.version = "0.3.*"
    assert await _resolved(publisher, None) == "0.3.*"
    await _publish(publisher, "0.1.0")
    assert await _resolved(publisher, None) == "0.1.0"


async def test_a_version_that_is_not_there_is_not_found(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    with rejected("version_not_found") as refused:
        await _resolved(publisher, "1.0.1")
    assert (refused.value.status, refused.value.code) == (404, "version_not_found")


async def test_a_yanked_version_is_passed_over_and_refused_by_name(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0", "1.0.1")
    await _yank(publisher, "1.0.1", "leaks")
    assert await _resolved(publisher, None) == "1.0.0"
    assert await _resolved(publisher, "1.0.*") == "1.0.0"
    with rejected("version_yanked", match="leaks") as refused:
        await _resolved(publisher, "1.0.1")
    assert (refused.value.status, refused.value.details) == (409, {"version": "1.0.1", "reason": "leaks"})
    assert await _resolved(publisher, "1.0.1", allow_yanked=True) == "1.0.1"
    newest = (await list_versions(publisher.db, tenant_id=TENANT, extension=NOTES))[0]
    assert (newest.version, newest.yanked, newest.yanked_reason) == ("1.0.1", True, "leaks")


async def test_where_every_version_is_yanked_there_is_none_to_install(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    await _yank(publisher, "1.0.0")
    for wanted in (None, "1.0.*"):
        with rejected("version_not_found"):
            await _resolved(publisher, wanted)


async def test_a_yanked_version_is_still_there_so_its_number_is_not_given_again(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    await _yank(publisher, "1.0.0")
    assert (await publisher.publish(version="1.0.*")).version == "1.0.1"


async def test_a_yank_is_undone(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    await _yank(publisher, "1.0.0", "by mistake")
    await unyank(publisher.db, actor=ADA, extension=NOTES, version="1.0.0", now=publisher.clock)
    assert await _resolved(publisher, "1.0.0") == "1.0.0"
    (version,) = await list_versions(publisher.db, tenant_id=TENANT, extension=NOTES)
    assert (version.yanked, version.yanked_reason) == (False, None)


async def test_yanking_again_changes_the_reason_and_not_the_time(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    await _yank(publisher, "1.0.0")
    at = publisher.clock()
    publisher.clock.advance(60)
    await _yank(publisher, "1.0.0", "leaks")
    async with publisher.db.session() as session:
        row = (await session.scalars(select(ExtensionVersion))).one()
    assert (row.yanked_at, row.yanked_reason) == (at, "leaks")


async def test_only_the_tenant_that_owns_the_name_yanks(publisher: Publisher) -> None:
    await _publish(publisher, "1.0.0")
    for withdraw in (
        yank(publisher.db, actor=EVE, extension=NOTES, version="1.0.0", reason=None, now=publisher.clock),
        unyank(publisher.db, actor=EVE, extension=NOTES, version="1.0.0", now=publisher.clock),
    ):
        with rejected("PUBLISHER_TAKEN"):
            await withdraw
    assert await _resolved(publisher, "1.0.0") == "1.0.0"


async def test_a_version_that_was_never_published_cannot_be_yanked(publisher: Publisher) -> None:
    await install_archive(
        collaborators(publisher.db, publisher.store), publisher.archive(), actor=local_actor(TENANT), check_component=None
    )
    with rejected("PUBLISHER_TAKEN"):
        await _yank(publisher, "1.0.0")


@pytest.mark.parametrize("version", ["1.0.1", "1.0.*"])
async def test_only_a_version_that_is_named_exactly_is_yanked(publisher: Publisher, version: str) -> None:
    await _publish(publisher, "1.0.0")
    with rejected("version_not_found"):
        await _yank(publisher, version)


async def test_yanking_is_written_into_the_audit_log(publisher: Publisher) -> None:
    done = await _publish(publisher, "1.0.0")
    await _yank(publisher, "1.0.0", "leaks")
    await unyank(publisher.db, actor=ADA, extension=NOTES, version="1.0.0", now=publisher.clock)
    async with publisher.db.session() as session:
        rows = (await session.scalars(select(ExtensionAuditLog).where(ExtensionAuditLog.event_type != "extension.published"))).all()
    assert {(row.event_type, row.resource_id, row.user_id) for row in rows} == {
        ("extension.yanked", done.registry_id, "ada"),
        ("extension.unyanked", done.registry_id, "ada"),
    }
    assert {row.event_type: row.details for row in rows}["extension.yanked"] == {"version": "1.0.0", "reason": "leaks"}
