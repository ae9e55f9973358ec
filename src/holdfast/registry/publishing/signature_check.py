"""Verifying the signature of a version, again before each install: trusted keys change after it was published."""

from __future__ import annotations

from holdfast.bundles.signing.minisign import MalformedMinisign, Signature
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.hashing import normalize_content_hash
from holdfast.registry.models.installs import ExtensionBundle, ExtensionVersion
from holdfast.registry.publishing.version_manifest import manifest_of


def verify_version(policy: TrustPolicy, version: ExtensionVersion, bundle: ExtensionBundle | None) -> SignatureStatus | None:
    """Verifies with the keys that are trusted now: one may have been revoked since the version was published. None without a bundle.

    Raises SignatureRejected where the policy requires a trusted signature, and everywhere for a signature of something else;
    TrustStoreUnusable.
    """
    if bundle is None:
        return None
    manifest = manifest_of(version)
    statement = None if manifest is None else Statement.from_manifest(manifest, normalize_content_hash(bundle.content_hash))
    return policy.evaluate(statement, None if bundle.signature is None else bundle.signature.encode())


def signing_key_id(signature: str | None) -> str | None:
    """The id of the key that made a stored signature. None without one; other platforms store any text there, which has no key id."""
    try:
        return None if signature is None else Signature.parse(signature.encode()).key_id
    except MalformedMinisign:
        return None
