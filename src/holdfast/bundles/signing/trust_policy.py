"""What this installation requires of signatures: the trusted keys, and whether an unsigned bundle is allowed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from holdfast.bundles.signing.errors import SignatureRejected
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.status import SignatureStatus
from holdfast.bundles.signing.trust_store import TrustStore
from holdfast.bundles.signing.verification import verify_signature
from holdfast.settings import Settings


class TrustPolicy:
    """Production requires a valid signature by a trusted key. Development rejects only a signature that does not match its bundle."""

    def __init__(self, store: TrustStore, *, required: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """`required` is true in production. `now` returns an aware time; tests replace it."""
        self.store = store
        self.required = required
        self.now = now

    @classmethod
    def from_settings(cls, settings: Settings) -> TrustPolicy:
        """The policy for the environment and the trust store of the settings."""
        return cls(TrustStore(settings.resolved_trust_store), required=settings.environment == "production")

    def evaluate(self, statement: Statement | None, signature: bytes | None) -> SignatureStatus:
        """As `verify_signature`, with the current keys and time.

        In development, only `signature_invalid` and TrustStoreUnusable are raised; every other rejection becomes a status.
        """
        try:
            return verify_signature(self.store.read(), statement, signature, self.now())
        except SignatureRejected as rejection:
            if self.required or rejection.code == "signature_invalid":
                raise
            state: Literal["unsigned", "untrusted"] = "unsigned" if rejection.code == "signature_missing" else "untrusted"
            return SignatureStatus(state=state, reason=rejection.code, message=rejection.message)

    def signature_state(self, key_id: str | None) -> Literal["signed", "unsigned", "untrusted"]:
        """The current state of an installed bundle that was signed by that key; None means that it has no signature.

        This checks the key only: the signature itself was verified at install, and is again whenever the bundle is loaded. Raises
        TrustStoreUnusable.
        """
        if key_id is None:
            return "unsigned"
        found = self.store.read().find(key_id)
        return "signed" if found is not None and found[0].is_valid_at(self.now()) else "untrusted"

    def count_valid_keys(self) -> int:
        """How many trusted keys are valid now. Raises TrustStoreUnusable."""
        now = self.now()
        return sum(key.is_valid_at(now) for key in self.store.read().all)
