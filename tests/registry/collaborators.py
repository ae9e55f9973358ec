"""What the registry works with, in tests: no signature is required, and the clock is the test's own."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database
from holdfast.registry.collaborators import STORAGE_GRACE, Collaborators
from tests.registry.extensions import UNSIGNED_TOO


def collaborators(
    db: Database,
    store: BundleStore,
    *,
    policy: TrustPolicy = UNSIGNED_TOO,
    domain_root: str | None = None,
    storage_grace: timedelta = STORAGE_GRACE,
    now: Callable[[], datetime] = utc_now,
) -> Collaborators:
    """The collaborators of a test."""
    return Collaborators(db=db, store=store, policy=policy, domain_root=domain_root, storage_grace=storage_grace, now=now)
