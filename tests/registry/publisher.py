"""Publishing in tests: one database and store, and what both hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import func, select

from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.folder import FolderStore
from holdfast.bundles.store.protocol import BundleStore
from holdfast.records.database.columns import Base
from holdfast.records.database.database import Database
from holdfast.registry.actors import Actor
from holdfast.registry.models.installs import ExtensionApiEndpoint, ExtensionBundle, ExtensionRegistry, ExtensionVersion
from holdfast.registry.models.publishing import ExtensionAuditLog, ExtensionPublisher, ExtensionUpload, PendingObject
from holdfast.registry.publishing.publish import publish_bundle
from holdfast.registry.publishing.results import Published
from tests.records.databases import OTHER_TENANT, TENANT, Clock
from tests.registry.collaborators import collaborators
from tests.registry.extensions import UNSIGNED_TOO, archive_of

ADA = Actor(tenant_id=TENANT, user_id="ada", email="ada@example.com")
EVE = Actor(tenant_id=OTHER_TENANT, user_id="eve")

_TABLES: Sequence[type[Base]] = (
    *(ExtensionRegistry, ExtensionVersion, ExtensionBundle, ExtensionApiEndpoint),
    *(ExtensionPublisher, ExtensionUpload, PendingObject, ExtensionAuditLog),
)


class Publisher:
    """Publishes small extensions into one database and store."""

    def __init__(self, db: Database, store: FolderStore, folder: Path) -> None:
        self.db, self.store, self.folder = db, store, folder
        self.clock = Clock()
        self.checked: list[bytes] = []
        self._made = 0

    def archive(self, **changes: Any) -> Path:
        """A new archive; see `archive_of`."""
        self._made += 1
        return archive_of(self.folder / f"archive-{self._made}.tar.zst", **changes)

    async def publish(
        self,
        archive: Path | None = None,
        *,
        actor: Actor = ADA,
        policy: TrustPolicy = UNSIGNED_TOO,
        store: BundleStore | None = None,
        db: Database | None = None,
        signature: bytes | None = None,
        manifest_text: bytes | None = None,
        declared_hash: str | None = None,
        **changes: Any,
    ) -> Published:
        """Publishes an archive, or a new one with `changes`. The clock goes on by a second."""
        self.clock.advance(1)
        return await publish_bundle(
            collaborators(db or self.db, store or self.store, policy=policy, now=self.clock),
            archive or self.archive(**changes),
            actor=actor,
            signature=signature,
            manifest_text=manifest_text,
            declared_hash=declared_hash,
            check_component=self.check_component,
        )

    async def check_component(self, component: Path) -> None:
        """Takes every component, and remembers it."""
        self.checked.append(component.read_bytes())

    async def rows(self) -> dict[str, int]:
        """How many rows each table of publishing has; those that are empty are left out."""
        async with self.db.session() as session:
            counted = {table.__tablename__: await session.scalar(select(func.count()).select_from(table)) for table in _TABLES}
        return {name: number for name, number in counted.items() if number}

    async def versions(self) -> list[str]:
        """The versions that there are, in the order of their publishing."""
        async with self.db.session() as session:
            return list((await session.scalars(select(ExtensionVersion.version_key).order_by(ExtensionVersion.created_at))).all())

    def objects(self) -> list[str]:
        """The keys of what the store holds, and of what was left half written."""
        return sorted(str(path.relative_to(self.store.root)) for path in self.store.root.rglob("*") if path.is_file())

    def names(self) -> Counter[str]:
        """How many objects of each name the store holds."""
        return Counter(key.rpartition("/")[2] for key in self.objects())


ONE_VERSION = {
    "extension_registry": 1,
    "extension_version": 1,
    "extension_bundle": 1,
    "extension_api_endpoint": 3,
    "extension_publisher": 1,
    "extension_audit_logs": 1,
}
"""The rows of one published version of `acme.com.example.notes`."""
