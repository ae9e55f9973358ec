"""Signatures of published versions, judged again when somebody installs them, moves to them or goes back to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.models.installs import ExtensionBundle
from tests.bundles.signers import Signers, rejected, signature_of
from tests.registry.installer import Installer


class Production(Installer):
    """A installer of a host that runs nothing but what a trusted key signed."""

    def __init__(self, db: Database, store: FolderStore, folder: Path) -> None:
        super().__init__(db, store, folder)
        self.signers = Signers(folder / "trusted-keys.json", required=True)
        self.policy = self.signers.policy
        self.lenient = TrustPolicy(self.signers.store, required=False, now=self.signers.clock)

    async def publish_signed(self, version: str, **changes: Any) -> None:
        archive = self.archive(version=version, **changes)
        await self.publish(archive, policy=self.policy, signature=signature_of(archive, self.signers.trusted))

    def revoke_key(self) -> None:
        self.signers.store.revoke(self.signers.trusted.public.key_id, now=self.signers.clock(), reason="stolen")


@pytest.fixture
def production(db: Database, store: FolderStore, tmp_path: Path) -> Production:
    return Production(db, store, tmp_path)


async def test_a_version_that_is_signed_is_installed_and_says_by_whom(production: Production) -> None:
    await production.publish_signed("1.0.0")
    done = await production.install()
    assert done.verdict is not None
    assert (done.verdict.state, done.verdict.key_name) == ("signed", "the trusted")


async def test_what_was_published_unsigned_elsewhere_is_not_installed_in_production(production: Production) -> None:
    await production.publish(version="1.0.0", policy=production.lenient)
    with rejected("signature_missing"):
        await production.install()
    assert production.copies() == []
    production.policy = production.lenient
    done = await production.install()
    assert done.verdict is not None and done.verdict.state == "unsigned"


async def test_a_key_that_was_revoked_since_counts_for_no_install_no_upgrade_and_no_way_back(production: Production) -> None:
    await production.publish_signed("1.0.0")
    await production.publish_signed("1.1.0")
    await production.install("1.0.0")
    await production.upgrade("1.1.0")
    production.revoke_key()
    with rejected("signature_revoked"):
        await production.rollback()
    with rejected("signature_revoked"):
        await production.upgrade("1.0.0")
    await production.uninstall()
    with rejected("signature_revoked"):
        await production.install("1.1.0")


async def test_a_signature_that_was_made_for_another_version_is_refused_everywhere(production: Production) -> None:
    await production.publish_signed("1.0.0")
    other = production.archive(version="3.0.0")
    async with production.db.transaction() as session:
        await session.execute(update(ExtensionBundle).values(signature=signature_of(other, production.signers.trusted).decode()))
    for policy in (production.signers.policy, production.lenient):
        production.policy = policy
        with rejected("signature_invalid"):
            await production.install("1.0.0")
    assert production.copies() == []
