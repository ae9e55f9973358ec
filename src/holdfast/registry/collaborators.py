"""What the registry works with: passed around as one value instead of as parameters of every function."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import utc_now
from holdfast.records.database.database import Database

STORAGE_GRACE = timedelta(days=30)
"""How long the storage of an uninstalled extension is retained by default."""


def ignore_runnable(tenant_id: str, extension: str) -> None:
    """For a process that prepares nothing."""


@dataclass(frozen=True, kw_only=True)
class Collaborators:
    """A database, the bundle store it belongs to, and the rules that apply to them.

    `policy` verifies signatures. With a `domain_root` each install gets a host name below it. `storage_grace` is how long the storage of an
    uninstalled extension is retained. `now` is the clock. `on_runnable` is called with a tenant id and a name of its install when the
    install may run something that it could not run before: it is new, has another version, or is enabled.
    """

    db: Database
    store: BundleStore
    policy: TrustPolicy
    domain_root: str | None = None
    storage_grace: timedelta = STORAGE_GRACE
    now: Callable[[], datetime] = utc_now
    on_runnable: Callable[[str, str], None] = ignore_runnable
