"""The bundle cache of those who run what is in it: a bundle is handed out only when its signature allows it, now."""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.layout import MANIFEST
from holdfast.bundles.archive.limits import LIMITS, ArchiveLimits
from holdfast.bundles.cache.bundle_cache import DISK_MAX_BYTES, BundleCache
from holdfast.bundles.cache.entries import Entry
from holdfast.bundles.cache.kept_signature import KEPT, keep_signature
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.manifest.model import parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.bundles.manifest.parsing.json_object import MANIFEST_MAX_BYTES
from holdfast.bundles.signing.errors import SignatureRefused, SignatureUnverifiable
from holdfast.bundles.signing.signature_storage import read_signature, read_stored_signature
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustedKeys, TrustStoreUnusable
from holdfast.bundles.signing.verification import Verdict
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.single_flight import SingleFlight

_REMEMBERED = 1_000
_Place = tuple[str, str, str]

_log = structlog.get_logger(__name__)


class _Known(Struct, frozen=True):
    """A verdict and the keys that it was given with. It holds for as long as these are the keys."""

    verdict: Verdict
    keys: TrustedKeys


class TrustedBundles(BundleCache):
    """As BundleCache; whoever takes a bundle, in whichever way, also gets the refusals of its signature.

    The signature lies in the store beside the bundle. One that counts is kept beside the unpacked bundle, and the verdict in memory until
    a key of the trust store changes or the signing key expires. Refusals are not remembered. In development the store is asked once.
    """

    def __init__(
        self, root: Path, store: BundleStore, policy: TrustPolicy, limits: ArchiveLimits = LIMITS, *, max_bytes: int = DISK_MAX_BYTES
    ) -> None:
        super().__init__(root, store, limits, max_bytes=max_bytes)
        self._policy = policy
        # What is signed is so for everybody. What is let through without is known of the one place where nothing better was found.
        self._known_verdicts: OrderedDict[str | _Place, _Known] = OrderedDict()
        self._verifications: SingleFlight[_Place, Verdict] = SingleFlight("verify a signature")

    async def take(self, tenant_id: str, extension_id: str, sha256_hex: str) -> Entry:
        """As in BundleCache. Raises also SignatureRefused (see `TrustPolicy.judge`; SignatureUnverifiable without usable trust store)."""
        entry = await super().take(tenant_id, extension_id, sha256_hex)
        try:
            await self._verdict(entry, tenant_id, extension_id)
        except BaseException:
            entry.give()
            raise
        return entry

    def glance(self, tenant_id: str, extension_id: str, digest: str) -> UnpackedBundle | None:
        """As in BundleCache; None also when its signature is to be judged. Raises SignatureUnverifiable."""
        bundle = super().glance(tenant_id, extension_id, digest)
        return bundle if bundle is not None and self._verdict_that_holds((tenant_id, extension_id, digest), self._keys()) else None

    async def verdict(self, tenant_id: str, extension_id: str, sha256_hex: str) -> Verdict:
        """What is known of a bundle's signature. Raises as `take` does."""
        entry = await super().take(tenant_id, extension_id, sha256_hex)
        try:
            return await self._verdict(entry, tenant_id, extension_id)
        finally:
            entry.give()

    async def close(self) -> None:
        """Ends what is under way, and waits until it has ended."""
        await self._verifications.close()
        await super().close()

    async def _verdict(self, entry: Entry, tenant_id: str, extension_id: str) -> Verdict:
        digest = entry.bundle.root.parent.name
        place = (tenant_id, extension_id, digest)
        keys = self._keys()
        known = self._verdict_that_holds(place, keys)
        if known is not None:
            return known

        def verify() -> Coroutine[Any, Any, Verdict]:
            entry.share()  # the verification reads the bundle, also after its first caller has left
            return self._judge(entry.bundle, place, keys)

        return await self._verifications.run(place, verify, cleanup=entry.give)

    def _verdict_that_holds(self, place: _Place, keys: TrustedKeys) -> Verdict | None:
        known = self._known_verdicts.get(place[2]) or self._known_verdicts.get(place)
        if known is None or known.keys is not keys:
            return None
        # On the way of every call: what does not expire does not ask for the time.
        return known.verdict if known.verdict.expires_at is None or known.verdict.holds_at(self._policy.now()) else None

    async def _judge(self, bundle: UnpackedBundle, place: _Place, keys: TrustedKeys) -> Verdict:
        try:
            verdict, found = await self._examine(bundle, place)
        except TrustStoreUnusable as error:
            raise _unverifiable(error) from error
        signed, digest = verdict.state == "signed", place[2]
        if signed and found is not None:
            await asyncio.to_thread(keep_signature, bundle.root, found, self.root)
        if not signed:
            # An author's bundles are unsigned all day; one that somebody signed and nobody trusts is worth a look.
            tell = _log.info if verdict.state == "unsigned" else _log.warning
            tell(f"A bundle runs that production would refuse. {verdict.message}", content_hash=digest, reason=verdict.reason)
        self._known_verdicts.pop(digest, None)
        self._known_verdicts[digest if signed else place] = _Known(verdict, keys)
        if len(self._known_verdicts) > _REMEMBERED:
            self._known_verdicts.popitem(last=False)
        return verdict

    async def _examine(self, bundle: UnpackedBundle, place: _Place) -> tuple[Verdict, bytes | None]:
        """The verdict, and the signature when it comes from the store."""
        statement = await asyncio.to_thread(_statement, bundle, place[2])
        if statement is None:
            return self._policy.judge(None, None), None
        kept = await asyncio.to_thread(_kept, bundle)
        if kept is not None:
            # One that does not count, or no longer, may have been replaced in the store.
            with suppress(SignatureRefused):
                verdict = self._policy.judge(statement, kept)
                if verdict.state == "signed":
                    return verdict, None
        try:
            stored = await read_stored_signature(self._store, bundle_key(*place))
        except BundleStoreUnavailable:
            if self._policy.required:
                raise
            stored = None
        return self._policy.judge(statement, stored), stored

    def _keys(self) -> TrustedKeys:
        try:
            return self._policy.store.read()
        except TrustStoreUnusable as error:
            raise _unverifiable(error) from error


def _unverifiable(error: TrustStoreUnusable) -> SignatureUnverifiable:
    """Without the name of the file and what is in it: callers read this too."""
    _log.error(str(error))
    return SignatureUnverifiable("The trusted keys of this runner cannot be read.", hint="The runner's log says why.")


def _statement(bundle: UnpackedBundle, digest: str) -> Statement | None:
    """What a signature of the unpacked bundle has to be over; None without a valid manifest. Raises ExtractFailed."""
    if bundle.manifest is None or bundle.manifest.size > MANIFEST_MAX_BYTES:
        return None
    try:
        raw = (bundle.root / MANIFEST).read_bytes()
    except OSError as error:
        raise ExtractFailed(f"The manifest of the unpacked bundle cannot be read ({error.strerror or type(error).__name__}).") from error
    if hashlib.sha256(raw).hexdigest() != bundle.manifest.sha256:
        raise ExtractFailed("The manifest of the unpacked bundle is not what was unpacked; the disk may be failing.")
    try:
        return Statement.of(parse_manifest(raw), digest)
    except ManifestError:
        return None


def _kept(bundle: UnpackedBundle) -> bytes | None:
    with suppress(OSError):
        return read_signature(bundle.root / KEPT)
    return None
