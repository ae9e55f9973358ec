"""Whose a publisher's name is: the tenant's or the key's that first published under it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.models.publishing import ExtensionPublisher
from holdfast.registry.publishing.results import Published
from tests.bundles.signers import Signers, signature_of
from tests.error_codes import rejected
from tests.records.databases import TENANT
from tests.registry.publisher import ADA, EVE, ONE_VERSION, Publisher


@pytest.fixture
def publisher(db: Database, store: FolderStore, tmp_path: Path) -> Publisher:
    return Publisher(db, store, tmp_path)


@pytest.fixture
def signers(tmp_path: Path) -> Signers:
    return Signers(tmp_path / "trusted-keys.json", required=False)


async def _owners(publisher: Publisher) -> list[tuple[str, str | None, str | None]]:
    async with publisher.db.session() as session:
        rows = await session.scalars(select(ExtensionPublisher).order_by(ExtensionPublisher.publisher))
        return [(row.publisher, row.tenant_id, row.signing_key_id) for row in rows]


async def _signed_by_eve(publisher: Publisher, signers: Signers, *, stranger: bool = False, version: str = "2.0.0") -> Published:
    archive = publisher.archive(version=version)
    signature = signature_of(archive, signers.stranger if stranger else signers.trusted)
    return await publisher.publish(archive, actor=EVE, policy=signers.policy, signature=signature)


async def test_the_first_publish_makes_the_name_the_tenants(publisher: Publisher) -> None:
    await publisher.publish(publisher="Acme Corp")
    assert await _owners(publisher) == [("acme corp", TENANT, None)]


async def test_the_owner_publishes_again_and_other_extensions_too(publisher: Publisher) -> None:
    await publisher.publish()
    await publisher.publish(version="1.1.0")
    await publisher.publish(name="com.example.tasks")
    assert len(await publisher.versions()) == 3 and len(await _owners(publisher)) == 1


@pytest.mark.parametrize("written", ["acme", "Acme", " ACME "])
async def test_another_tenant_publishes_nothing_under_the_name(publisher: Publisher, written: str) -> None:
    await publisher.publish()
    before = publisher.objects()
    with rejected("PUBLISHER_TAKEN") as refused:
        await publisher.publish(actor=EVE, publisher=written, name="com.example.tasks")
    assert (refused.value.status, refused.value.code) == (403, "PUBLISHER_TAKEN")
    assert TENANT not in str(refused.value) and refused.value.details is None
    assert (publisher.objects(), await publisher.rows(), len(publisher.checked)) == (before, ONE_VERSION, 1)


async def test_another_tenant_learns_nothing_of_the_versions_of_a_name_that_is_taken(publisher: Publisher) -> None:
    await publisher.publish()
    with rejected("PUBLISHER_TAKEN"):
        await publisher.publish(actor=EVE, version="1.0.0")


async def test_bundles_without_publisher_share_one_name_which_the_first_tenant_owns(publisher: Publisher) -> None:
    await publisher.publish(publisher=None)
    with rejected("PUBLISHER_TAKEN"):
        await publisher.publish(actor=EVE, publisher=None, name="com.example.tasks")
    assert await _owners(publisher) == [("local-dev", TENANT, None)]


async def test_a_first_publish_that_is_signed_makes_the_name_the_keys_too(publisher: Publisher, signers: Signers) -> None:
    archive = publisher.archive()
    await publisher.publish(archive, policy=signers.policy, signature=signature_of(archive, signers.trusted))
    key_id = signers.trusted.public.key_id
    assert await _owners(publisher) == [("acme", TENANT, key_id)]
    done = await _signed_by_eve(publisher, signers)
    assert done.key.startswith(f"tenants/{EVE.tenant_id}/")
    await publisher.publish(actor=ADA, version="3.0.0")
    assert await publisher.versions() == ["1.0.0", "2.0.0", "3.0.0"]
    assert await _owners(publisher) == [("acme", TENANT, key_id)]


async def test_a_key_that_is_not_trusted_owns_nothing_and_opens_nothing(publisher: Publisher, signers: Signers) -> None:
    archive = publisher.archive()
    await publisher.publish(archive, policy=signers.policy, signature=signature_of(archive, signers.stranger))
    assert await _owners(publisher) == [("acme", TENANT, None)]
    with rejected("PUBLISHER_TAKEN"):
        await _signed_by_eve(publisher, signers, stranger=True)


async def test_a_key_that_was_revoked_opens_its_name_no_longer(publisher: Publisher, signers: Signers) -> None:
    archive = publisher.archive()
    await publisher.publish(archive, policy=signers.policy, signature=signature_of(archive, signers.trusted))
    signers.revoke()
    with rejected("PUBLISHER_TAKEN"):
        await _signed_by_eve(publisher, signers)


async def test_a_key_that_signs_later_does_not_come_to_own_the_name(publisher: Publisher, signers: Signers) -> None:
    await publisher.publish()
    archive = publisher.archive(version="1.1.0")
    await publisher.publish(archive, policy=signers.policy, signature=signature_of(archive, signers.trusted))
    with rejected("PUBLISHER_TAKEN"):
        await _signed_by_eve(publisher, signers)


async def test_a_name_that_grows_in_lower_case_is_taken_all_the_same(publisher: Publisher) -> None:
    await publisher.publish(publisher="\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}" * 200)
    with rejected("PUBLISHER_TAKEN"):
        await publisher.publish(actor=EVE, publisher="\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}" * 200, name="com.example.tasks")
