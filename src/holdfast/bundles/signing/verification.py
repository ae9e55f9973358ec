"""Verifies the signature of a bundle against the trusted keys. Publishing, installing, loading and the commands all use this."""

from __future__ import annotations

from datetime import datetime

from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.signing.minisign import MalformedMinisign, PublicKey, Signature
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.bundles.signing.trust_store import TrustedKey, TrustedKeys

_SIGN = "Sign it with `holdfast sign`, using a key that is trusted here."


def verify_signature(keys: TrustedKeys, statement: Statement | None, signature: bytes | None, now: datetime) -> SignatureStatus:
    """Returns the status `signed`. `signature` is the content of a `.minisig` file; `statement` is None for a bundle without a manifest.

    Raises SignatureRejected with every code except `signature_unverifiable`.
    """
    if statement is None:
        raise SignatureRejected(
            "signature_missing",
            "The bundle has no valid manifest.json, so it cannot have a valid signature.",
            hint="Pack it with `holdfast pack`.",
        )
    if signature is None:
        raise SignatureRejected("signature_missing", "The bundle is not signed.", hint=_SIGN)
    try:
        parsed = Signature.parse(signature)
    except MalformedMinisign as error:
        raise SignatureRejected("signature_invalid", f"The bundle's signature cannot be read. {error.message}", hint=_SIGN) from None
    found = keys.find(parsed.key_id)
    if found is None:
        raise SignatureRejected(
            "signature_untrusted",
            f"The bundle is signed by {parsed.key_id}, which is not a trusted key.",
            hint="If you trust its holder, add the public key with `holdfast keys trust`.",
        )
    key, public = found
    # The content first: a signature that does not match is `signature_invalid` even if its key is also revoked or expired.
    _verify_content(public, statement, parsed)
    _check_key(key, statement, now)
    return SignatureStatus(
        state="signed", key_id=key.id, key_name=key.name, expires_at=key.expires_at, trusted_comment=parsed.trusted_comment
    )


def _verify_content(public: PublicKey, statement: Statement, signature: Signature) -> None:
    if not public.verifies(statement.to_bytes(), signature):
        raise SignatureRejected(
            "signature_invalid",
            "The bundle's signature does not match this bundle: one of the two was changed.",
            hint="Sign the bundle again with `holdfast sign`, or download the bundle and its signature again.",
        )


def _check_key(key: TrustedKey, statement: Statement, now: datetime) -> None:
    """Checks that a key which made a matching signature may sign this bundle now."""
    signer = f"The bundle is signed by {key.name} ({key.id})"
    if key.revoked_at is not None:
        reason = f": {key.reason}" if key.reason else ""
        raise SignatureRejected("signature_revoked", f"{signer}, a key that was revoked{reason}.", hint=_SIGN)
    if not key.is_valid_at(now):
        raise SignatureRejected("signature_expired", f"{signer}, a key that has expired.", hint=_SIGN)
    if key.publishers is not None and statement.publisher not in key.publishers:
        whose = "a bundle without publisher" if statement.publisher is None else f"the publisher {statement.publisher}"
        raise SignatureRejected(
            "signature_untrusted",
            f"{signer}, which is not trusted to sign for {whose}.",
            hint="To change which publishers a key may sign for, run `holdfast keys trust` with --publisher.",
        )
