"""The host names of installs."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import update

from holdfast.bundles.store.folder import FolderStore
from holdfast.records.database.database import Database
from holdfast.registry.installs.domains import domain_candidates
from holdfast.registry.lifecycle.install import install_version
from holdfast.registry.models.installs import TenantExtensionInstall
from tests.registry.collaborators import collaborators
from tests.registry.installer import NOTES, Installer
from tests.registry.publisher import ADA, EVE

ROOT = "apps.example.com"


@pytest.fixture
def installer(db: Database, store: FolderStore, tmp_path: Path) -> Installer:
    return Installer(db, store, tmp_path)


@pytest.mark.parametrize(
    ("tenant", "extension", "expected"),
    [
        ("51bbbfe5-0720-4d9b-b3e5-b5b43e441a52", "a963b7c2-0090-52d5-9869-e9b6f636c4a8", "51bbbfe5-a963b7c2"),
        ("Acme GmbH & Co", "notes", "acmegmbhco-notes"),
        ("a-very-long-name-of-a-tenant", "ünïcode--", "averylongnam-ncode"),
        ("---", "…", "x-x"),
    ],
)
def test_a_name_is_made_of_the_beginnings_of_both_ids(tenant: str, extension: str, expected: str) -> None:
    first, second = domain_candidates(tenant, extension, ROOT)
    assert first == f"{expected}.{ROOT}"
    assert second.startswith(f"{expected}-") and len(second.partition(".")[0]) <= 63


async def test_an_install_gets_its_name_when_there_is_a_root_and_keeps_it(installer: Installer) -> None:
    await installer.publish()
    await installer.publish(version="1.1.0", marker="new")
    done = await installer.install("1.0.0")
    assert (await installer.row()).runner_domain is None
    await installer.install("1.0.0", domain_root=ROOT)
    name = (await installer.row()).runner_domain
    assert name == domain_candidates(EVE.tenant_id, done.registry_id, ROOT)[0]
    await installer.upgrade("1.1.0")
    await installer.install("1.1.0", domain_root="other.example.com")
    assert (await installer.row()).runner_domain == name


async def test_a_name_that_another_has_is_not_taken_from_them(installer: Installer) -> None:
    published = await installer.publish()
    await installer.install(actor=ADA)
    taken, own = domain_candidates(EVE.tenant_id, published.registry_id, ROOT)
    async with installer.db.transaction() as session:
        await session.execute(update(TenantExtensionInstall).values(runner_domain=taken))
    await install_version(
        collaborators(installer.db, installer.store, policy=installer.policy, domain_root=ROOT, now=installer.clock),
        actor=EVE,
        extension=NOTES,
    )
    assert (await installer.row()).runner_domain == own
