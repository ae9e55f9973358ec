"""Publishing as one service object. It holds the collaborators; the work is in the modules of this package."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

from holdfast.registry.actors import Actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.publishing import uploads, versions
from holdfast.registry.publishing.inspection import CheckComponent
from holdfast.registry.publishing.publish import publish_bundle
from holdfast.registry.publishing.requirements import read_publication
from holdfast.registry.publishing.results import Publication, Published, VersionSummary
from holdfast.registry.publishing.uploads import Upload


class PublishingService:
    """Publishes versions, lists and yanks them. Each method raises what the function of the same name raises."""

    def __init__(self, collaborators: Collaborators) -> None:
        self._with = collaborators

    async def publish(
        self,
        archive: Path,
        *,
        actor: Actor,
        signature: bytes | None = None,
        manifest_text: bytes | None = None,
        declared_hash: str | None = None,
        check_component: CheckComponent | None,
    ) -> Published:
        """Publishes an archive as a new version for every tenant; see `publish_bundle`."""
        return await publish_bundle(
            self._with,
            archive,
            actor=actor,
            signature=signature,
            manifest_text=manifest_text,
            declared_hash=declared_hash,
            check_component=check_component,
        )

    async def stage_upload(
        self, body: AsyncIterator[bytes], *, actor: Actor, filename: str, size: int | None, declared_hash: str | None
    ) -> Upload:
        """Stores an uploaded archive until it is finalised; see `stage_upload`."""
        return await uploads.stage_upload(
            self._with,
            body,
            actor=actor,
            filename=filename,
            size=size,
            declared_hash=declared_hash,
        )

    async def finalize_upload(
        self,
        key: str,
        *,
        actor: Actor,
        size: int | None = None,
        declared_hash: str | None = None,
        manifest_text: bytes | None = None,
        signature: bytes | None = None,
        check_component: CheckComponent | None,
    ) -> Published:
        """Publishes an uploaded archive; see `finalize_upload`."""
        return await uploads.finalize_upload(
            self._with,
            key,
            actor=actor,
            size=size,
            declared_hash=declared_hash,
            manifest_text=manifest_text,
            signature=signature,
            check_component=check_component,
        )

    async def abort_upload(self, key: str, *, actor: Actor) -> str:
        """Deletes an uploaded archive. Returns `deleted`, or `noop` for a key that is not an upload's; see `abort_upload`."""
        return await uploads.abort_upload(self._with, key, actor=actor)

    async def sweep_uploads(self, *, older_than: timedelta) -> int:
        """Removes abandoned uploads and objects; see `sweep_uploads`."""
        return await uploads.sweep_uploads(self._with.db, self._with.store, older_than=older_than, now=self._with.now)

    async def read_publication(self, *, tenant_id: str, extension: str, version: str | None) -> Publication:
        """The version that an install of the tenant would get, and what it requests; see `read_publication`."""
        return await read_publication(self._with.db, tenant_id=tenant_id, extension=extension, version=version)

    async def list_versions(self, *, tenant_id: str, extension: str) -> list[VersionSummary]:
        """The versions that the tenant can see, the newest published first; see `list_versions`."""
        return await versions.list_versions(self._with.db, tenant_id=tenant_id, extension=extension)

    async def yank(self, *, actor: Actor, extension: str, version: str, reason: str | None) -> None:
        """Withdraws a version from new installs; see `yank`."""
        await versions.yank(self._with.db, actor=actor, extension=extension, version=version, reason=reason, now=self._with.now)

    async def unyank(self, *, actor: Actor, extension: str, version: str) -> None:
        """Makes a yanked version available again; see `unyank`."""
        await versions.unyank(self._with.db, actor=actor, extension=extension, version=version, now=self._with.now)
