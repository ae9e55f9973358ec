"""The bundle cache for services that run what is in it: a bundle is returned only when its signature allows that now.

acquire ──▶ BundleCache.acquire ──▶ status known for these keys? ──yes──▶ entry
                                          │ no
                                          ▼
               single-flight ──▶ signature next to the unpacked files ──signed──▶ remembered, entry
                                          │ missing or not valid
                                          ▼
                                 signature in the store ──TrustPolicy──▶ remembered, entry
                                                                └──▶ SignatureRejected: released, not remembered
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog
from msgspec import Struct

from holdfast.bundles.archive.limits import LIMITS, ArchiveLimits
from holdfast.bundles.cache.bundle_cache import DISK_MAX_BYTES, BundleCache
from holdfast.bundles.cache.entries import Entry
from holdfast.bundles.cache.manifest_statement import read_statement
from holdfast.bundles.cache.saved_signature import load_signature, save_signature
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.signing.signature_storage import read_stored_signature
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.signing.trust_store import TrustedKeys, TrustStoreUnusable
from holdfast.bundles.store.errors import BundleStoreUnavailable
from holdfast.bundles.store.keys import bundle_key
from holdfast.bundles.store.protocol import BundleStore
from holdfast.concurrency.single_flight import SingleFlight

_MAX_KNOWN_STATUSES = 20_000
_Place = tuple[str, str, str]
"""Tenant, extension, content hash (hex): where a bundle is in the store."""

_log = structlog.get_logger(__name__)


class _KnownStatus(Struct, frozen=True):
    """A status and the keys that it was computed with. It is valid only while these are the trusted keys."""

    status: SignatureStatus
    keys: TrustedKeys


class TrustedBundleCache(BundleCache):
    """As BundleCache; every method that returns a bundle first verifies its signature.

    The signature is in the store next to the bundle. A valid one is saved next to the unpacked bundle, and the status is remembered in
    memory until the trust store changes or the signing key expires. A rejection is not remembered. In development, a bundle without a
    valid signature is allowed; the store is then read once.
    """

    def __init__(
        self,
        root: Path,
        store: BundleStore,
        policy: TrustPolicy,
        limits: ArchiveLimits = LIMITS,
        *,
        max_bytes: int = DISK_MAX_BYTES,
        keep: int | None = None,
    ) -> None:
        super().__init__(root, store, limits, max_bytes=max_bytes, keep=keep)
        self._policy = policy
        # A valid signature is valid for every tenant, so its key is the hash alone. A bundle without one is known by its place only:
        # another tenant's place in the store may have a signature for the same bundle.
        self._known_statuses: OrderedDict[str | _Place, _KnownStatus] = OrderedDict()
        self._verifications: SingleFlight[_Place, SignatureStatus] = SingleFlight("verify a signature")

    async def acquire(self, tenant_id: str, extension_id: str, sha256_hex: str) -> Entry:
        """As in BundleCache. Also raises SignatureRejected (`signature_unverifiable` when the trust store is unusable)."""
        entry = await super().acquire(tenant_id, extension_id, sha256_hex)
        try:
            await self._status_of(entry, tenant_id, extension_id)
        except BaseException:
            entry.release()
            raise
        return entry

    def peek(self, tenant_id: str, extension_id: str, digest: str) -> UnpackedBundle | None:
        """As in BundleCache; also None when the signature must be verified. Raises SignatureRejected when the trust store is unusable."""
        bundle = super().peek(tenant_id, extension_id, digest)
        return bundle if bundle is not None and self._known_status((tenant_id, extension_id, digest), self._keys()) else None

    async def signature_status(self, tenant_id: str, extension_id: str, sha256_hex: str) -> SignatureStatus:
        """The status of a bundle's signature. Raises as `acquire` does."""
        entry = await super().acquire(tenant_id, extension_id, sha256_hex)
        try:
            return await self._status_of(entry, tenant_id, extension_id)
        finally:
            entry.release()

    async def close(self) -> None:
        """Cancels running verifications and fetches, and waits until they have ended."""
        await self._verifications.close()
        await super().close()

    async def _status_of(self, entry: Entry, tenant_id: str, extension_id: str) -> SignatureStatus:
        digest = entry.bundle.root.parent.name
        place = (tenant_id, extension_id, digest)
        keys = self._keys()
        known = self._known_status(place, keys)
        if known is not None:
            return known

        def verify() -> Coroutine[Any, Any, SignatureStatus]:
            entry.share()  # the verification reads the bundle, also after its first caller has left
            return self._verify(entry.bundle, place, keys)

        return await self._verifications.run(place, verify, cleanup=entry.release)

    def _known_status(self, place: _Place, keys: TrustedKeys) -> SignatureStatus | None:
        known = self._known_statuses.get(place[2]) or self._known_statuses.get(place)
        if known is None or known.keys is not keys:
            return None
        # Every call runs this: the clock is read only for a key that expires.
        return known.status if known.status.expires_at is None or known.status.is_valid_at(self._policy.now()) else None

    async def _verify(self, bundle: UnpackedBundle, place: _Place, keys: TrustedKeys) -> SignatureStatus:
        try:
            status, stored = await self._evaluate(bundle, place)
        except TrustStoreUnusable as error:
            raise _unverifiable(error) from error
        signed, digest = status.state == "signed", place[2]
        if signed and stored is not None:
            await asyncio.to_thread(save_signature, bundle.root, stored, self.root)
        if not signed:
            # During development most bundles are unsigned. A signature by an untrusted key is unusual and deserves a warning.
            write = _log.info if status.state == "unsigned" else _log.warning
            write("Using a bundle that production would reject", content_hash=digest, reason=status.reason, message=status.message)
        self._known_statuses.pop(digest, None)
        self._known_statuses[digest if signed else place] = _KnownStatus(status, keys)
        if len(self._known_statuses) > _MAX_KNOWN_STATUSES:
            self._known_statuses.popitem(last=False)
        return status

    async def _evaluate(self, bundle: UnpackedBundle, place: _Place) -> tuple[SignatureStatus, bytes | None]:
        """The status, and the signature when it comes from the store."""
        statement = await asyncio.to_thread(read_statement, bundle.root, bundle.manifest, place[2], bundle.statement)
        if statement is None:
            return self._policy.evaluate(None, None), None
        saved = await asyncio.to_thread(load_signature, bundle.root)
        if saved is not None:
            # A saved signature that is not valid (any more) may have been replaced in the store since.
            with suppress(SignatureRejected):
                status = self._policy.evaluate(statement, saved)
                if status.state == "signed":
                    return status, None
        try:
            stored = await read_stored_signature(self._store, bundle_key(*place))
        except BundleStoreUnavailable:
            if self._policy.required:
                raise
            stored = None
        return self._policy.evaluate(statement, stored), stored

    def _keys(self) -> TrustedKeys:
        try:
            return self._policy.store.read()
        except TrustStoreUnusable as error:
            raise _unverifiable(error) from error


def _unverifiable(error: TrustStoreUnusable) -> SignatureRejected:
    """An error without the file's name and content, because callers read it too; those go to the log."""
    _log.error("The trusted keys cannot be read, so no signature can be verified", reason=error.message, hint=error.hint)
    return SignatureRejected(
        "signature_unverifiable",
        "The runner cannot read its trusted keys, so it cannot verify the signature.",
        hint="The runner's log has the reason.",
    )
