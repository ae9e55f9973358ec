"""The console marks bundles that production would not run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustStore
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from tests.bundles.signers import NOW, signature_of
from tests.console.platform import PASSWORD, Platform, platform_at
from tests.records.databases import add_user
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of

UNSIGNED, UNTRUSTED = 'data-signature="unsigned"', 'data-signature="untrusted"'


@pytest.fixture
async def platform(tmp_path: Path) -> AsyncIterator[Platform]:
    async with platform_at(tmp_path, signing_trust_bundle=tmp_path / "keys.json") as platform:
        yield platform


async def signed_install(platform: Platform, key: SecretKey) -> Installed:
    policy = TrustPolicy(TrustStore(platform.folder / "keys.json"), required=False)
    archive = archive_of(platform.folder / "signed.tar.zst", name="com.example.signed")
    return await install_archive(
        collaborators(platform.db, platform.store, policy=policy),
        archive,
        actor=local_actor(platform.account.tenant_id),
        signature=signature_of(archive, key),
        check_component=None,
    )


async def pages(platform: Platform, installed: Installed) -> tuple[str, str]:
    async with platform.logged_in() as client:
        overview = await client.get("/msp/dashboard")
        frame = await client.get(f"/msp/extensions/{installed.registry_id}/")
    return overview.text, frame.text


async def test_an_unsigned_bundle_is_marked(platform: Platform) -> None:
    for page in await pages(platform, await platform.install()):
        assert page.count(UNSIGNED) == 1 and UNTRUSTED not in page


async def test_the_mark_follows_the_trust_in_the_key(platform: Platform) -> None:
    key, store = SecretKey.generate(), TrustStore(platform.folder / "keys.json")
    installed = await signed_install(platform, key)
    for page in await pages(platform, installed):
        assert page.count(UNTRUSTED) == 1
    store.trust(key.public, name="acme", now=NOW)
    for page in await pages(platform, installed):
        assert UNSIGNED not in page and UNTRUSTED not in page
    store.revoke(key.public.key_id, now=NOW)
    for page in await pages(platform, installed):
        assert page.count(UNTRUSTED) == 1


async def test_with_an_unreadable_trust_store_pages_work_and_no_key_is_trusted(platform: Platform) -> None:
    installed = await signed_install(platform, SecretKey.generate())
    (platform.folder / "keys.json").write_text("{")
    for page in await pages(platform, installed):
        assert page.count(UNTRUSTED) == 1


async def test_client_users_do_not_see_the_mark(platform: Platform) -> None:
    hooks = {"appMenu": {"label": "Notes"}, "clientPortalMenu": {"label": "Notes"}}
    installed = await platform.install(ui={"type": "iframe", "entry": "ui/index.html", "hooks": hooks})
    await add_user(platform.db, "client@example.com", tenant_id=platform.account.tenant_id, user_type="client", password=PASSWORD)
    async with platform.logged_in("client@example.com", PASSWORD) as client:
        page = await client.get(f"/client-portal/extensions/{installed.registry_id}/")
    assert page.status_code == 200 and "data-signature" not in page.text
