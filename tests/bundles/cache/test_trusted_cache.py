"""A bundle is returned only when its signature allows it: at the first use, and at every use after the trust store has changed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.cache.bundle_cache import BundleCache
from holdfast.bundles.cache.saved_signature import SIGNATURE_NAME
from holdfast.bundles.cache.trusted_cache import TrustedBundleCache
from holdfast.bundles.signing.minisign import Signature
from holdfast.bundles.signing.minisign_secret import SecretKey
from holdfast.bundles.signing.signature_storage import signature_key
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.keys import bundle_key
from tests.bundles.archives import MANIFEST, archive, bundle, regular
from tests.bundles.object_stores import CountingStore
from tests.bundles.signers import DAY, NOW, Signers, rejected, signature_of


class TrustedEnvironment:
    """A store, a trusted cache on top of it, and the signing keys."""

    def __init__(self, root: Path, *, required: bool) -> None:
        self.root = root
        self.store = CountingStore(root / "store")
        self.signers = Signers(root / "trusted-keys.json", required=required)
        self.bundles = self.reopen()

    def reopen(self) -> TrustedBundleCache:
        """Opens the cache as the next process would."""
        return TrustedBundleCache(self.root / "cache", self.store, self.signers.policy)

    async def put(self, source: Path, signature: bytes | None = None, *, tenant: str = "t") -> str:
        digest = hash_file(source)
        await self.store.put(bundle_key(tenant, "e", digest), source)
        await self.sign(digest, signature, tenant=tenant)
        return digest

    async def put_signed(self, by: SecretKey | None = None) -> str:
        source = self.build_bundle()
        return await self.put(source, signature_of(source, by or self.signers.trusted))

    async def sign(self, digest: str, signature: bytes | None, *, tenant: str = "t") -> None:
        key = signature_key(bundle_key(tenant, "e", digest))
        if signature is None:
            await self.store.delete(key)
        else:
            written = self.root / "signature"
            written.write_bytes(signature)
            await self.store.put(key, written)

    def build_bundle(self, manifest: bytes = MANIFEST) -> Path:
        return bundle(self.root / "b.tar.zst", {"manifest.json": manifest, "dist/main.wasm": b"\0asm"})

    def signature_fetches(self) -> int:
        return sum(key.endswith(".minisig") for key in self.store.fetches)

    def saved_signature(self, digest: str) -> Path:
        return self.root / "cache" / digest / "bundle" / SIGNATURE_NAME


@pytest.fixture
def production(tmp_path: Path) -> TrustedEnvironment:
    return TrustedEnvironment(tmp_path, required=True)


@pytest.fixture
def development(tmp_path: Path) -> TrustedEnvironment:
    return TrustedEnvironment(tmp_path, required=False)


async def test_a_signed_bundle_is_returned_and_its_signature_fetched_once_for_all_processes(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    async with production.bundles.use("t", "e", digest) as unpacked:
        assert unpacked.component is not None
    await production.bundles.ensure("t", "e", digest)
    assert (await production.bundles.signature_status("t", "e", digest)).key_name == "the trusted"
    assert production.signature_fetches() == 1
    assert Signature.parse(production.saved_signature(digest).read_bytes()).key_id == production.signers.trusted.public.key_id
    await production.reopen().ensure("t", "e", digest)
    await production.reopen().ensure("another-tenant", "e", digest)
    assert production.signature_fetches() == 1
    assert not list((production.root / "cache").glob(".work-*"))


async def test_a_saved_signature_that_is_missing_or_damaged_is_fetched_again(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await production.bundles.ensure("t", "e", digest)
    for damage in (None, b"nonsense", b"#" * 99_999):
        production.saved_signature(digest).unlink() if damage is None else production.saved_signature(digest).write_bytes(damage)
        await production.reopen().ensure("t", "e", digest)
        assert Signature.parse(production.saved_signature(digest).read_bytes())
    assert production.signature_fetches() == 4


async def test_a_signed_bundle_in_the_cache_needs_no_store(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await production.bundles.ensure("t", "e", digest)
    (production.root / "store").rename(production.root / "gone")
    await production.reopen().ensure("t", "e", digest)


async def _unsigned(environment: TrustedEnvironment) -> str:
    return await environment.put(environment.build_bundle())


async def _unknown_key(environment: TrustedEnvironment) -> str:
    return await environment.put_signed(environment.signers.stranger)


async def _revoked(environment: TrustedEnvironment) -> str:
    environment.signers.revoke()
    return await environment.put_signed()


async def _expired(environment: TrustedEnvironment) -> str:
    environment.signers.trust(expires_at=NOW + DAY)
    environment.signers.clock.now += DAY
    return await environment.put_signed()


async def _without_manifest(environment: TrustedEnvironment) -> str:
    source = environment.build_bundle()
    signature = signature_of(source, environment.signers.trusted)
    return await environment.put(archive(environment.root / "bare.tar.zst", regular("dist/main.wasm")), signature)


async def _invalid_manifest(environment: TrustedEnvironment) -> str:
    return await environment.put(environment.build_bundle(b"{}"))


async def _of_another_bundle(environment: TrustedEnvironment) -> str:
    signature = signature_of(environment.build_bundle(), environment.signers.trusted)
    return await environment.put(bundle(environment.root / "other.tar.zst", {"ui/more.js": b"1"}), signature)


async def _more_capabilities(environment: TrustedEnvironment) -> str:
    """The same extension, repacked with more capabilities."""
    signature = signature_of(environment.build_bundle(), environment.signers.trusted)
    return await environment.put(
        environment.build_bundle(json.dumps(json.loads(MANIFEST) | {"capabilities": ["cap:secrets.get"]}).encode()), signature
    )


async def _changed_comment(environment: TrustedEnvironment) -> str:
    source = environment.build_bundle()
    signature = Signature.parse(signature_of(source, environment.signers.trusted))
    return await environment.put(source, msgspec.structs.replace(signature, trusted_comment="another").to_text().encode())


async def _oversized(environment: TrustedEnvironment) -> str:
    source = environment.build_bundle()
    return await environment.put(source, signature_of(source, environment.signers.trusted) + b"\n" * 3_000_000)


Make = Callable[[TrustedEnvironment], Awaitable[str]]
REJECTED_IN_PRODUCTION = [
    (_unsigned, "signature_missing"),
    (_unknown_key, "signature_untrusted"),
    (_revoked, "signature_revoked"),
    (_expired, "signature_expired"),
    (_without_manifest, "signature_missing"),
    (_invalid_manifest, "signature_missing"),
]
INVALID = [_of_another_bundle, _more_capabilities, _changed_comment, _oversized]


def _name(value: object) -> str:
    return getattr(value, "__name__", "").strip("_")


@pytest.mark.parametrize(("make", "code"), REJECTED_IN_PRODUCTION, ids=_name)
async def test_production_returns_no_other_bundle(production: TrustedEnvironment, make: Make, code: str) -> None:
    digest = await make(production)
    for _ in range(2):
        with rejected(code):
            await production.bundles.ensure("t", "e", digest)
        with rejected(code):
            async with production.bundles.use("t", "e", digest):
                raise AssertionError("returned")
    assert not production.saved_signature(digest).exists()


@pytest.mark.parametrize(("make", "code"), REJECTED_IN_PRODUCTION, ids=_name)
async def test_development_returns_it_after_one_request_and_reports_the_reason(
    development: TrustedEnvironment, make: Make, code: str
) -> None:
    digest = await make(development)
    for _ in range(3):
        await development.bundles.ensure("t", "e", digest)
    status = await development.bundles.signature_status("t", "e", digest)
    assert (status.reason, status.state) == (code, "unsigned" if code == "signature_missing" else "untrusted")
    # Without a manifest there is nothing that a signature could be over.
    assert development.signature_fetches() == (0 if make in (_without_manifest, _invalid_manifest) else 1)


@pytest.mark.parametrize("make", INVALID, ids=_name)
@pytest.mark.parametrize("required", [True, False], ids=["production", "development"])
async def test_a_signature_that_does_not_match_is_rejected_everywhere(tmp_path: Path, make: Make, required: bool) -> None:
    environment = TrustedEnvironment(tmp_path, required=required)
    digest = await make(environment)
    for _ in range(2):
        with rejected("signature_invalid"):
            await environment.bundles.ensure("t", "e", digest)


async def test_a_rejection_is_not_remembered(production: TrustedEnvironment) -> None:
    source = production.build_bundle()
    digest = await production.put(source)
    with rejected("signature_missing"):
        await production.bundles.ensure("t", "e", digest)
    await production.sign(digest, signature_of(source, production.signers.trusted))
    await production.bundles.ensure("t", "e", digest)


async def test_a_revocation_applies_at_the_next_use_until_another_key_has_signed(production: TrustedEnvironment) -> None:
    source = production.build_bundle()
    digest = await production.put(source, signature_of(source, production.signers.trusted))
    await production.bundles.ensure("t", "e", digest)
    production.signers.revoke()
    with rejected("signature_revoked"):
        await production.bundles.ensure("t", "e", digest)
    other = SecretKey.generate()
    production.signers.store.trust(other.public, name="another", now=NOW)
    await production.sign(digest, signature_of(source, other))
    assert (await production.bundles.signature_status("t", "e", digest)).key_name == "another"
    assert Signature.parse(production.saved_signature(digest).read_bytes()).key_id == other.public.key_id


async def test_a_key_expires_while_the_process_runs(production: TrustedEnvironment) -> None:
    production.signers.trust(expires_at=NOW + DAY)
    digest = await production.put_signed()
    await production.bundles.ensure("t", "e", digest)
    production.signers.clock.now += DAY
    with rejected("signature_expired"):
        await production.bundles.ensure("t", "e", digest)


async def test_without_a_trust_store_no_signature_is_trusted(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await production.bundles.ensure("t", "e", digest)
    production.signers.store.path.unlink()
    with rejected("signature_untrusted"):
        await production.bundles.ensure("t", "e", digest)


async def test_the_error_of_an_unusable_trust_store_does_not_contain_its_path(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await production.bundles.ensure("t", "e", digest)
    production.signers.store.path.write_text("{")
    with rejected("signature_unverifiable") as caught:
        await production.bundles.ensure("t", "e", digest)
    assert str(production.root) not in str(caught.value)


async def test_a_key_that_is_trusted_later_makes_a_bundle_signed(development: TrustedEnvironment) -> None:
    digest = await development.put_signed(development.signers.stranger)
    assert (await development.bundles.signature_status("t", "e", digest)).state == "untrusted"
    development.signers.store.trust(development.signers.stranger.public, name="no stranger", now=NOW)
    assert (await development.bundles.signature_status("t", "e", digest)).state == "signed"
    development.signers.store.revoke(development.signers.stranger.public.key_id, now=NOW)
    for _ in range(2):
        assert (await development.bundles.signature_status("t", "e", digest)).reason == "signature_revoked"
    assert development.signature_fetches() == 3


async def test_another_tenants_signature_is_used_only_after_it_was_verified(
    development: TrustedEnvironment,
) -> None:
    source = development.build_bundle()
    digest = await development.put(source, tenant="unsigned")
    await development.put(source, signature_of(source, development.signers.trusted), tenant="signed")
    assert (await development.bundles.signature_status("unsigned", "e", digest)).state == "unsigned"
    assert (await development.bundles.signature_status("signed", "e", digest)).state == "signed"
    assert (await development.bundles.signature_status("unsigned", "e", digest)).state == "signed", "it is the same bundle"


async def test_concurrent_callers_cause_one_verification(development: TrustedEnvironment) -> None:
    digest = await development.put(development.build_bundle())
    await asyncio.gather(*(development.bundles.ensure("t", "e", digest) for _ in range(20)))
    assert development.signature_fetches() == 1


async def test_a_cancelled_caller_does_not_cancel_the_verification_of_the_others(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await BundleCache(production.root / "cache", production.store).ensure("t", "e", digest)
    production.store.gate.clear()
    production.store.started.clear()
    first, second = (asyncio.create_task(production.bundles.ensure("t", "e", digest)) for _ in range(2))
    await production.store.started.wait()
    first.cancel()
    production.store.gate.set()
    await second
    assert first.cancelled() or first.cancelling()


async def test_closing_cancels_a_running_verification(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await BundleCache(production.root / "cache", production.store).ensure("t", "e", digest)
    production.store.gate.clear()
    production.store.started.clear()
    asking = asyncio.create_task(production.bundles.ensure("t", "e", digest))
    await production.store.started.wait()
    await production.bundles.close()
    with pytest.raises(asyncio.CancelledError):
        await asking


async def test_a_store_failure_is_an_error_in_production_and_unsigned_in_development(tmp_path: Path) -> None:
    class Failing(CountingStore):
        async def get(self, key: str) -> AsyncGenerator[bytes, None]:
            if key.endswith(".minisig"):
                raise BundleStoreUnavailable("The store is away.")
            async for piece in super().get(key):
                yield piece

    for required in (True, False):
        environment = TrustedEnvironment(tmp_path / str(required), required=required)
        digest = await environment.put_signed()
        bundles = TrustedBundleCache(environment.root / "cache", Failing(environment.root / "store"), environment.signers.policy)
        if required:
            with pytest.raises(BundleStoreUnavailable):
                await bundles.ensure("t", "e", digest)
        else:
            assert (await bundles.signature_status("t", "e", digest)).state == "unsigned"


async def test_a_manifest_that_was_changed_on_disk_is_not_used_for_verification(production: TrustedEnvironment) -> None:
    digest = await production.put_signed()
    await production.bundles.ensure("t", "e", digest)
    manifest = production.root / "cache" / digest / "bundle/manifest.json"
    manifest.chmod(0o644)
    manifest.write_bytes(MANIFEST.replace(b"1.0.0", b"9.0.0"))
    production.signers.trust(expires_at=NOW + DAY)  # the status is computed again
    with pytest.raises(ExtractFailed, match="manifest"):
        await production.bundles.ensure("t", "e", digest)
    # The next process compares every file, and fetches the bundle again.
    await production.reopen().ensure("t", "e", digest)
    assert manifest.read_bytes() == MANIFEST


async def test_a_policy_sees_what_another_process_writes_to_the_trust_store(production: TrustedEnvironment) -> None:
    policy = TrustPolicy(production.signers.policy.store, required=True)
    assert policy.count_valid_keys() == 1
    production.signers.revoke()
    assert policy.count_valid_keys() == 0
