"""What this installation requires of signatures: the trusted keys, and whether a signature must verify."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Literal

from holdfast.bundles.signing.errors import SignatureInvalid, SignatureMissing, SignatureRefused
from holdfast.bundles.signing.statement import Statement
from holdfast.bundles.signing.trust_store import TrustStore
from holdfast.bundles.signing.verification import Verdict, examine
from holdfast.settings import Settings


class TrustPolicy:
    """What this installation asks of a signature: in production everything, in development only that it is not a wrong one."""

    def __init__(self, store: TrustStore, *, required: bool, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.store = store
        self.required = required
        self.now = now

    @classmethod
    def from_settings(cls, settings: Settings) -> TrustPolicy:
        """The policy of the environment and the trust store that the settings name."""
        return cls(TrustStore(settings.resolved_trust_store), required=settings.environment == "production")

    def judge(self, statement: Statement | None, signature: bytes | None) -> Verdict:
        """As `examine`, with the keys and the time of now; in development only SignatureInvalid and TrustStoreUnusable are raised."""
        try:
            return examine(self.store.read(), statement, signature, self.now())
        except SignatureInvalid:
            raise
        except SignatureRefused as refusal:
            if self.required:
                raise
            state: Literal["unsigned", "untrusted"] = "unsigned" if isinstance(refusal, SignatureMissing) else "untrusted"
            return Verdict(state=state, reason=refusal.code, message=refusal.message)

    def state_of(self, key_id: str | None) -> Literal["signed", "unsigned", "untrusted"]:
        """How a bundle stands now that was installed with a signature of that key; None is a bundle without signature.

        That the signature is for the bundle was found out when it was installed, and is again whenever it is loaded. Raises
        TrustStoreUnusable.
        """
        if key_id is None:
            return "unsigned"
        found = self.store.read().find(key_id)
        return "signed" if found is not None and found[0].counts_at(self.now()) else "untrusted"

    def counting_keys(self) -> int:
        """How many keys count now. Raises TrustStoreUnusable."""
        now = self.now()
        return sum(key.counts_at(now) for key in self.store.read().all)
