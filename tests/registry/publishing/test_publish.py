"""Publishing: what is looked at, what is recorded, what is refused, and that a version never changes."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from holdfast.bundles.manifest.host_version import HostTooOld
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.bundles.signing.signature_storage import read_stored_signature
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.errors import VersionConflict
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.models.installs import ExtensionBundle, ExtensionVersion
from holdfast.registry.models.publishing import ExtensionAuditLog
from holdfast.registry.objects.pending import sweep_objects
from holdfast.registry.publishing.publish import publish_bundle
from tests.bundles.signers import Signers, signature_of
from tests.bundles.signers import rejected as signature_rejected
from tests.error_codes import rejected
from tests.records.databases import TENANT
from tests.registry.collaborators import collaborators
from tests.registry.extensions import WASM, archive_of, manifest
from tests.registry.publisher import ADA, EVE, ONE_VERSION, Publisher


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


async def test_a_version_is_recorded_whole_and_lies_at_its_place_in_the_store(publisher: Publisher) -> None:
    archive = publisher.archive()
    digest = hash_file(archive)
    done = await publisher.publish(archive)
    folder = f"tenants/{TENANT}/extensions/{done.registry_id}/sha256/{digest}"
    assert (done.publisher, done.name, done.display_name, done.version) == ("acme", "com.example.notes", "Notes", "1.0.0")
    assert (done.content_hash, done.size_bytes) == (f"sha256:{digest}", archive.stat().st_size)
    assert (done.capabilities, done.egress) == (["cap:http.fetch", "cap:storage.kv"], ["api.example.com"])
    assert done.key == f"{folder}/bundle.tar.zst" and done.verdict.state == "unsigned"
    assert publisher.objects() == [f"{folder}/bundle.tar.zst", f"{folder}/manifest.json"]
    assert (publisher.store.root / done.key).read_bytes() == archive.read_bytes()
    assert json.loads((publisher.store.root / folder / "manifest.json").read_text()) == manifest()
    assert await publisher.rows() == ONE_VERSION
    async with publisher.db.session() as session:
        version = (await session.scalars(select(ExtensionVersion))).one()
        bundle = (await session.scalars(select(ExtensionBundle))).one()
    assert (version.id, version.egress, version.manifest) == (done.version_id, ["api.example.com"], manifest())
    assert (version.published_tenant, version.published_by, version.yanked_at) == (TENANT, "ada", None)
    assert (bundle.storage_url, bundle.size_bytes, bundle.signature) == (done.key, done.size_bytes, None)


async def test_the_component_is_looked_at_as_it_is_in_the_bundle(publisher: Publisher) -> None:
    await publisher.publish()
    assert publisher.checked == [WASM]


async def test_publishing_is_written_into_the_audit_log(publisher: Publisher) -> None:
    done = await publisher.publish()
    async with publisher.db.session() as session:
        row = (await session.scalars(select(ExtensionAuditLog))).one()
    assert (row.event_type, row.user_id, row.user_email, row.tenant) == ("extension.published", "ada", "ada@example.com", TENANT)
    assert (row.resource_id, row.resource_name) == (done.registry_id, "acme.com.example.notes")
    assert row.details == {"version": "1.0.0", "content_hash": done.content_hash, "signature": "unsigned"}


async def test_a_signed_version_has_its_signature_in_its_row_and_beside_it(publisher: Publisher) -> None:
    signers = Signers(publisher.folder / "trusted-keys.json", required=True)
    archive = publisher.archive()
    signature = signature_of(archive, signers.trusted)
    done = await publisher.publish(archive, policy=signers.policy, signature=signature)
    assert done.verdict.state == "signed"
    assert await read_stored_signature(publisher.store, done.key) == signature
    async with publisher.db.session() as session:
        assert await session.scalar(select(ExtensionBundle.signature)) == signature.decode()


@pytest.mark.parametrize(
    ("kind", "refusal"), [("none", "signature_missing"), ("stranger", "signature_untrusted"), ("other bundle", "signature_invalid")]
)
async def test_production_refuses_a_signature_before_it_touches_the_component(publisher: Publisher, kind: str, refusal: str) -> None:
    signers = Signers(publisher.folder / "trusted-keys.json", required=True)
    archive = publisher.archive()
    made = {
        "none": None,
        "stranger": signature_of(archive, signers.stranger),
        "other bundle": signature_of(publisher.archive(marker="other"), signers.trusted),
    }
    with signature_rejected(refusal):
        await publisher.publish(archive, policy=signers.policy, signature=made[kind])
    assert (publisher.checked, publisher.objects(), await publisher.rows()) == ([], [], {})


@pytest.mark.parametrize("marker", ["", "changed"], ids=["same content", "other content"])
async def test_a_version_is_published_once_whatever_the_content(publisher: Publisher, marker: str) -> None:
    first = await publisher.publish()
    before = publisher.objects()
    with pytest.raises(VersionConflict) as refused:
        await publisher.publish(marker=marker)
    assert (refused.value.status, refused.value.code) == (409, "EXTENSION_VERSION_ALREADY_EXISTS")
    assert "1.0.0" in refused.value.message and refused.value.hint is not None
    assert refused.value.details == {"extension": "acme.com.example.notes", "version": "1.0.0"}
    assert (publisher.objects(), await publisher.rows()) == (before, ONE_VERSION)
    assert (publisher.store.root / first.key).is_file()


async def test_a_version_that_exists_is_refused_before_its_component_is_looked_at(publisher: Publisher) -> None:
    await publisher.publish()
    with pytest.raises(VersionConflict):
        await publisher.publish(marker="changed")
    assert len(publisher.checked) == 1


async def test_the_same_content_may_be_several_versions(publisher: Publisher) -> None:
    archive = publisher.archive(version="1.0.*")
    done = [await publisher.publish(archive) for _ in range(3)]
    assert [published.version for published in done] == ["1.0.0", "1.0.1", "1.0.2"]
    assert len({published.key for published in done}) == 1 and publisher.names() == {"bundle.tar.zst": 1, "manifest.json": 1}


async def test_a_pattern_becomes_the_patch_above_the_highest_release(publisher: Publisher) -> None:
    for version in ("2.1.9", "2.1.10", "2.1.12-beta.1", "2.2.30", "21.1.99"):
        await publisher.publish(version=version)
    assert (await publisher.publish(version="2.1.*")).version == "2.1.11"
    assert (await publisher.publish(version="3.0.*")).version == "3.0.0"


async def test_a_pattern_that_was_installed_in_development_is_published_all_the_same(publisher: Publisher) -> None:
    archive = publisher.archive(version="1.0.*")
    await install_archive(collaborators(publisher.db, publisher.store), archive, actor=local_actor(TENANT), check_component=None)
    assert (await publisher.publish(archive)).version == "1.0.0"


@pytest.mark.parametrize("written", ["{}", "sha256:{}"])
async def test_a_declared_hash_is_compared(publisher: Publisher, written: str) -> None:
    archive = publisher.archive()
    digest = hash_file(archive)
    with rejected("HASH_MISMATCH") as refused:
        await publisher.publish(archive, declared_hash=written.format("0" * 64))
    assert (refused.value.status, refused.value.code) == (400, "HASH_MISMATCH")
    assert refused.value.details == {"declared": "0" * 64, "computed": digest}
    assert (publisher.objects(), await publisher.rows()) == ([], {})
    assert (await publisher.publish(archive, declared_hash=written.format(digest))).content_hash == f"sha256:{digest}"


async def test_a_supplied_manifest_is_equal_whatever_its_layout(publisher: Publisher) -> None:
    text = json.dumps(dict(reversed(manifest().items())), indent=4).encode()
    assert (await publisher.publish(manifest_text=text)).version == "1.0.0"


def _ui(value: object) -> dict[str, object]:
    return {"type": "iframe", "entry": "ui/index.html", "of another host": value}


@pytest.mark.parametrize("changes", [{"version": "1.0.1"}, {"capabilities": []}, {"ui": _ui(True)}])
async def test_a_supplied_manifest_that_says_something_else_is_refused(publisher: Publisher, changes: dict[str, Any]) -> None:
    archive = publisher.archive(ui=_ui(1))
    with rejected("MANIFEST_MISMATCH") as refused:
        await publisher.publish(archive, manifest_text=json.dumps(manifest(**({"ui": _ui(1)} | changes))).encode())
    assert (refused.value.status, refused.value.code) == (400, "MANIFEST_MISMATCH")
    assert await publisher.rows() == {}


async def test_a_supplied_manifest_that_is_no_json_is_refused(publisher: Publisher) -> None:
    with pytest.raises(ManifestError):
        await publisher.publish(manifest_text=b"{")


@pytest.mark.parametrize("changes", [{"capabilities": ["cap:root"]}, {"version": "one"}, {"author": "Ada\x00"}])
async def test_a_manifest_with_a_fault_is_refused(publisher: Publisher, changes: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        await publisher.publish(**changes)
    assert (publisher.objects(), await publisher.rows()) == ([], {})


async def test_what_needs_a_newer_holdfast_is_refused(publisher: Publisher) -> None:
    with pytest.raises(HostTooOld):
        await publisher.publish(minHostVersion="999.0.0")
    assert (publisher.objects(), await publisher.rows()) == ([], {})


@pytest.mark.parametrize("engine", [True, False])
async def test_a_component_must_be_there_where_the_manifest_needs_one(publisher: Publisher, engine: bool) -> None:
    with rejected("component_missing"):
        await publish_bundle(
            collaborators(publisher.db, publisher.store),
            publisher.archive(wasm=None),
            actor=ADA,
            check_component=publisher.check_component if engine else None,
        )
    assert await publisher.rows() == {}


async def test_without_an_engine_the_component_is_not_looked_at(publisher: Publisher) -> None:
    done = await publish_bundle(collaborators(publisher.db, publisher.store), publisher.archive(), actor=ADA, check_component=None)
    assert done.version == "1.0.0" and publisher.checked == []


async def test_a_component_that_cannot_run_leaves_nothing(publisher: Publisher) -> None:
    async def refuse(component: Path) -> None:
        raise ValueError(component.name)

    with pytest.raises(ValueError, match=r"main\.wasm"):
        await publish_bundle(collaborators(publisher.db, publisher.store), publisher.archive(), actor=ADA, check_component=refuse)
    assert (publisher.objects(), await publisher.rows()) == ([], {})


@pytest.mark.parametrize(
    "other",
    [{"name": "Com.example.Notes"}, {"publisher": "Acme"}, {"publisher": "acme.com", "name": "example.notes"}],
    ids=["letter case of the name", "letter case of the publisher", "the dot elsewhere"],
)
async def test_no_other_extension_is_written_the_same(publisher: Publisher, other: dict[str, Any]) -> None:
    await publisher.publish()
    before = publisher.objects()
    with rejected("EXTENSION_NAME_TAKEN"):
        await publisher.publish(version="2.0.0", **other)
    assert (publisher.objects(), await publisher.rows()) == (before, ONE_VERSION)


async def test_an_archive_that_changes_while_it_is_published_is_refused(publisher: Publisher) -> None:
    archive = publisher.archive()

    async def rebuild(component: Path) -> None:
        archive_of(archive, marker="rebuilt meanwhile")

    with rejected("publish_interrupted"):
        await publish_bundle(collaborators(publisher.db, publisher.store), archive, actor=ADA, check_component=rebuild)
    assert (publisher.objects(), await publisher.rows()) == ([], {})


async def test_what_lies_damaged_at_the_place_is_replaced(publisher: Publisher) -> None:
    archive = publisher.archive(version="1.0.*")
    first = await publisher.publish(archive)
    (publisher.store.root / first.key).write_bytes(archive.read_bytes()[:100])
    assert (await publisher.publish(archive)).key == first.key
    assert (publisher.store.root / first.key).read_bytes() == archive.read_bytes()


async def test_a_publish_that_a_sweep_has_given_up_leaves_nothing(publisher: Publisher) -> None:
    class Slow(FolderStore):
        """While something is put there, an hour passes, and the sweep comes by."""

        async def put(self, key: str, source: Path) -> None:
            await super().put(key, source)
            publisher.clock.advance(3601)
            await sweep_objects(publisher.db, publisher.store, older_than=timedelta(hours=1), now=publisher.clock)

    archive = publisher.archive()
    with rejected("publish_interrupted") as refused:
        await publisher.publish(archive, store=Slow(publisher.store.root))
    assert refused.value.status == 409
    assert (publisher.objects(), await publisher.rows()) == ([], {})
    assert (await publisher.publish(archive)).version == "1.0.0"
    assert await publisher.rows() == ONE_VERSION


async def test_installing_in_development_does_not_change_what_was_published(publisher: Publisher) -> None:
    archive = publisher.archive()
    done = await publisher.publish(archive)

    async def install(changed: Path) -> None:
        await install_archive(collaborators(publisher.db, publisher.store), changed, actor=EVE, check_component=None, mutable_versions=True)

    with pytest.raises(VersionConflict):
        await install(publisher.archive(marker="changed"))
    await install(archive)
    async with publisher.db.session() as session:
        bundle = (await session.scalars(select(ExtensionBundle))).one()
    assert (bundle.content_hash, bundle.storage_url) == (done.content_hash, done.key)


async def test_what_was_installed_in_development_has_its_egress_and_manifest_recorded(publisher: Publisher) -> None:
    archive = publisher.archive()
    await install_archive(collaborators(publisher.db, publisher.store), archive, actor=local_actor(TENANT), check_component=None)
    async with publisher.db.session() as session:
        version = (await session.scalars(select(ExtensionVersion))).one()
    assert (version.egress, version.manifest, version.published_tenant) == (["api.example.com"], manifest(), None)
