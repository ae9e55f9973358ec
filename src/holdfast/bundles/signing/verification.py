"""Does a bundle's signature count? The one judgement that install, publish, load and the commands use, and its refusals."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from holdfast.bundles.signing.errors import SignatureExpired, SignatureInvalid, SignatureMissing, SignatureRevoked, SignatureUntrusted
from holdfast.bundles.signing.minisign import MalformedMinisign, Signature
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.trust_store import TrustedKeys

_SIGN = "Sign it with `holdfast sign`, by a key that is trusted here."


class Verdict(Struct, frozen=True, kw_only=True):
    """What is known of a bundle's signature. Only `signed` is trust; the others run in development only.

    `reason` and `message` are the code and the sentence that production refuses with. `key_name` and `expires_at` are those of a trusted
    key, `trusted_comment` is what its holder wrote into the signature.
    """

    state: Literal["signed", "unsigned", "untrusted"]
    reason: str | None = None
    message: str | None = None
    key_id: str | None = None
    key_name: str | None = None
    expires_at: datetime | None = None
    trusted_comment: str | None = None

    def holds_at(self, now: datetime) -> bool:
        """Whether it is still so at that time, as long as the keys are the same."""
        return self.expires_at is None or now < self.expires_at

    def __str__(self) -> str:
        if self.state == "signed":
            return f"signed by {self.key_name} ({self.key_id})"
        return "unsigned (development only)" if self.state == "unsigned" else f"untrusted (development only): {self.message}"


def examine(keys: TrustedKeys, statement: Statement | None, signature: bytes | None, now: datetime) -> Verdict:
    """The verdict `signed` on a bundle's signature, given as the bytes of its `.minisig`. A bundle without manifest has no statement.

    Raises SignatureMissing, SignatureInvalid, SignatureUntrusted, SignatureRevoked, SignatureExpired.
    """
    if statement is None:
        raise SignatureMissing(
            "The bundle has no valid manifest.json, so no signature can be for it.", hint="Pack it with `holdfast pack`."
        )
    if signature is None:
        raise SignatureMissing("The bundle is not signed.", hint=_SIGN)
    try:
        read = Signature.parse(signature)
    except MalformedMinisign as error:
        raise SignatureInvalid(f"The bundle's signature cannot be read. {error.message}", hint=_SIGN) from None
    found = keys.find(read.key_id)
    if found is None:
        raise SignatureUntrusted(
            f"The bundle is signed by {read.key_id}, which is not a trusted key.",
            hint="If its holder is to be trusted, add the public key with `holdfast keys trust`.",
        )
    key, public = found
    if not public.verifies(statement.to_bytes(), read):
        raise SignatureInvalid(
            "The bundle's signature is not for this bundle: one of the two was changed.",
            hint="Sign the bundle again with `holdfast sign`, or get both from their source again.",
        )
    if key.revoked_at is not None:
        because = f": {key.reason}" if key.reason else ""
        raise SignatureRevoked(f"The bundle is signed by {key.name} ({key.id}), a key that was revoked{because}.", hint=_SIGN)
    if not key.counts_at(now):
        raise SignatureExpired(f"The bundle is signed by {key.name} ({key.id}), a key that has expired.", hint=_SIGN)
    if key.publishers is not None and statement.publisher not in key.publishers:
        whose = "a bundle without publisher" if statement.publisher is None else f"the publisher {statement.publisher}"
        raise SignatureUntrusted(
            f"The bundle is signed by {key.name} ({key.id}), which may not sign for {whose}.",
            hint="`holdfast keys trust` with --publisher says for whom a key may sign.",
        )
    return Verdict(state="signed", key_id=key.id, key_name=key.name, expires_at=key.expires_at, trusted_comment=read.trusted_comment)
