"""Signatures at install: verified before the bundle is used, stored with it, and removed with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest
from sqlalchemy import select

from holdfast.bundles.signing.signature_storage import read_stored_signature, signature_key
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from holdfast.records.database.database import Database
from holdfast.registry.actors import local_actor
from holdfast.registry.installs.listing import list_installs
from holdfast.registry.installs.results import Installed
from holdfast.registry.lifecycle.dev_install import install_archive
from holdfast.registry.lifecycle.uninstall import uninstall
from holdfast.registry.models.installs import ExtensionBundle, ExtensionRegistry
from tests.bundles.signers import DAY, NOW, Signers, rejected, signature_of
from tests.records.databases import TENANT
from tests.registry.collaborators import collaborators
from tests.registry.extensions import archive_of


class Judged(NamedTuple):
    """What was installed, and what was found of its signature."""

    done: Installed
    verdict: SignatureStatus


class SignedInstaller:
    """Installs into one database and store, with one trusted key."""

    def __init__(self, db: Database, store: FolderStore, folder: Path) -> None:
        self.db, self.store, self.folder = db, store, folder
        self.signers = Signers(folder / "trusted-keys.json", required=True)
        self.lenient = TrustPolicy(self.signers.store, required=False, now=self.signers.clock)

    def archive(self, **changes: Any) -> Path:
        return archive_of(self.folder / "a.tar.zst", **changes)

    async def install(self, archive: Path, signature: bytes | None = None, policy: TrustPolicy | None = None) -> Judged:
        policy = policy or self.signers.policy
        done = await install_archive(
            collaborators(self.db, self.store, policy=policy),
            archive,
            actor=local_actor(TENANT),
            signature=signature,
            check_component=self._looked,
        )
        assert done.verdict is not None
        return Judged(done, done.verdict)

    async def _looked(self, component: Path) -> None:
        self.checked = component

    async def kept(self, installed: Judged) -> bytes | None:
        return await read_stored_signature(self.store, bundle_key(TENANT, installed.done.registry_id, installed.done.content_hash))

    async def row(self) -> str | None:
        async with self.db.session() as session:
            return await session.scalar(select(ExtensionBundle.signature))

    def stored(self) -> list[str]:
        return sorted(file.name for file in self.store.root.rglob("*") if file.is_file())


@pytest.fixture
def signed(db: Database, store: FolderStore, tmp_path: Path) -> SignedInstaller:
    return SignedInstaller(db, store, tmp_path)


async def test_a_signed_bundle_is_installed_with_its_signature_beside_it_and_in_its_row(signed: SignedInstaller) -> None:
    archive = signed.archive()
    signature = signature_of(archive, signed.signers.trusted)
    done = await signed.install(archive, signature)
    assert (done.verdict.state, done.verdict.key_name) == ("signed", "the trusted")
    assert await signed.kept(done) == signature and await signed.row() == signature.decode()
    assert signed.stored() == ["bundle.tar.zst", "bundle.tar.zst.minisig"]
    (summary,) = await list_installs(signed.db, TENANT)
    assert summary.signing_key_id == signed.signers.trusted.public.key_id


async def test_development_installs_what_is_unsigned_and_says_so(signed: SignedInstaller) -> None:
    done = await signed.install(signed.archive(), policy=signed.lenient)
    assert (done.verdict.state, done.verdict.reason) == ("unsigned", "signature_missing")
    assert signed.stored() == ["bundle.tar.zst"] and await signed.row() is None
    (summary,) = await list_installs(signed.db, TENANT)
    assert summary.signing_key_id is None


async def test_a_bundle_that_is_installed_again_keeps_the_signature_it_had(signed: SignedInstaller) -> None:
    archive = signed.archive()
    await signed.install(archive, signature_of(archive, signed.signers.trusted))
    again = await signed.install(archive)
    assert again.verdict.state == "signed" and await signed.row() is not None


async def test_an_unsigned_install_is_signed_by_installing_it_again_with_a_signature(signed: SignedInstaller) -> None:
    archive = signed.archive()
    await signed.install(archive, policy=signed.lenient)
    signature = signature_of(archive, signed.signers.trusted)
    done = await signed.install(archive, signature)
    assert await signed.kept(done) == signature and await signed.row() == signature.decode()


async def _refused(signed: SignedInstaller, kind: str) -> tuple[Path, bytes | None]:
    archive = signed.archive()
    signature = signature_of(archive, signed.signers.trusted)
    match kind:
        case "unsigned":
            return archive, None
        case "unknown key":
            return archive, signature_of(archive, signed.signers.stranger)
        case "revoked":
            signed.signers.revoke()
        case "expired":
            signed.signers.trust(expires_at=NOW + DAY)
            signed.signers.clock.now += DAY
        case "other publisher":
            signed.signers.trust(publishers=("somebody else",))
        case "more capabilities":
            return signed.archive(capabilities=["cap:secrets.get"]), signature
        case "other hosts":
            return signed.archive(egress=["evil.example.com"]), signature
        case "other bundle":
            return signed.archive(marker="changed"), signature
        case _:
            return archive, b"not a signature"
    return archive, signature


@pytest.mark.parametrize(
    ("kind", "refusal"),
    [
        ("unsigned", "signature_missing"),
        ("unknown key", "signature_untrusted"),
        ("revoked", "signature_revoked"),
        ("expired", "signature_expired"),
        ("other publisher", "signature_untrusted"),
        ("more capabilities", "signature_invalid"),
        ("other hosts", "signature_invalid"),
        ("other bundle", "signature_invalid"),
        ("nonsense", "signature_invalid"),
    ],
)
async def test_production_refuses_before_it_touches_the_component_and_leaves_nothing(
    signed: SignedInstaller, kind: str, refusal: str
) -> None:
    archive, signature = await _refused(signed, kind)
    with rejected(refusal):
        await signed.install(archive, signature)
    assert signed.stored() == [] and not hasattr(signed, "checked")
    async with signed.db.session() as session:
        assert await session.scalar(select(ExtensionRegistry.id)) is None
    if refusal == "signature_invalid":
        with rejected("signature_invalid"):
            await signed.install(archive, signature, signed.lenient)
    else:
        assert (await signed.install(archive, signature, signed.lenient)).verdict.reason == refusal


async def test_when_the_rows_cannot_be_written_no_signature_stays(signed: SignedInstaller, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no")

    archive = signed.archive()
    signature = signature_of(archive, signed.signers.trusted)
    with monkeypatch.context() as patched:
        patched.setattr("holdfast.registry.lifecycle.install_rows.record_defaults", fail)
        with pytest.raises(RuntimeError, match="no"):
            await signed.install(archive, signature)
    assert signed.stored() == []
    await signed.install(archive, policy=signed.lenient)
    monkeypatch.setattr("holdfast.registry.lifecycle.install_rows.record_defaults", fail)
    with pytest.raises(RuntimeError, match="no"):
        await signed.install(archive, signature)
    assert "bundle.tar.zst" in signed.stored(), "the bundle was there before"


async def test_uninstalling_takes_the_signature_of_a_bundle_that_goes_and_keeps_that_of_one_that_stays(
    signed: SignedInstaller,
) -> None:
    first = signed.archive()
    await signed.install(first, signature_of(first, signed.signers.trusted))
    second = signed.archive(marker="second")
    await signed.install(second, signature_of(second, signed.signers.trusted))
    assert (
        await uninstall(collaborators(signed.db, signed.store), actor=local_actor(TENANT), extension="com.example.notes")
    ).bundle_deleted
    assert sorted(signed.stored()) == ["bundle.tar.zst", "bundle.tar.zst.minisig"]


async def test_a_text_in_the_row_that_is_no_signature_of_ours_is_none(signed: SignedInstaller) -> None:
    done = await signed.install(signed.archive(), policy=signed.lenient)
    async with signed.db.transaction() as session:
        bundle = await session.scalar(select(ExtensionBundle))
        assert bundle is not None
        bundle.signature = "stub acceptance"
    (summary,) = await list_installs(signed.db, TENANT)
    assert summary.signing_key_id is None and done.verdict.state == "unsigned"


async def test_the_signature_lies_where_the_runner_looks_for_it(signed: SignedInstaller) -> None:
    archive = signed.archive()
    done = await signed.install(archive, signature_of(archive, signed.signers.trusted))
    key = signature_key(bundle_key(TENANT, done.done.registry_id, hash_file(archive)))
    assert key.endswith("/bundle.tar.zst.minisig") and await signed.store.exists(key)
