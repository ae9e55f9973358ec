"""From a folder (or a bundle) to an installed extension: build, pack, check that it runs here, record. With or without a platform."""

from __future__ import annotations

import asyncio
from pathlib import Path

from holdfast.bundles.archive.sidecars import signature_path
from holdfast.bundles.signing.signature_storage import read_signature
from holdfast.bundles.signing.trust_policy import TrustPolicy
from holdfast.bundles.store.hashing import hash_file
from holdfast.bundles.store.protocol import BundleStore
from holdfast.client.project import NothingToInstall, Progress, bundle_of, check_source, naming
from holdfast.engine import Engine
from holdfast.records.database.database import Database
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.actors import local_actor
from holdfast.registry.collaborators import Collaborators
from holdfast.registry.installs.results import Installed
from holdfast.registry.installs.service import InstallService
from holdfast.registry.publishing.inspection import CheckComponent
from holdfast.settings import Settings

__all__ = ["ComponentCheck", "Installer", "NothingToInstall", "Progress", "check_source"]


class ComponentCheck:
    """Compiles components into the folder that the runner uses too: its first call finds them ready. No guest code runs here.

    The engine is made when the first component needs it.
    """

    def __init__(self, settings: Settings) -> None:
        self._artifacts = settings.resolved_artifact_root
        self._engine: Engine | None = None

    async def __call__(self, component: Path) -> None:
        """Raises what says that the component cannot run here."""
        if self._engine is None:
            self._engine = Engine(self._artifacts, pool=False)
        await self._engine.load(component, await asyncio.to_thread(hash_file, component))

    async def close(self) -> None:
        """Closes the engine."""
        if self._engine is not None:
            await self._engine.close()


class Installer:
    """Installs for one tenant of one data folder, as authors do: a version may be installed again with other content.

    Without a `check` of components it makes its own.
    """

    def __init__(
        self,
        settings: Settings,
        db: Database,
        store: BundleStore,
        check: CheckComponent | None = None,
        *,
        tenant_id: str = DEVELOPMENT_TENANT_ID,
    ) -> None:
        self._collaborators = Collaborators(
            db=db, store=store, policy=TrustPolicy.from_settings(settings), domain_root=settings.ext_domain_root
        )
        self._tenant_id = tenant_id
        self._own_check = ComponentCheck(settings) if check is None else None
        self._check = check or self._own_check

    async def install(self, source: Path, progress: Progress) -> Installed:
        """Installs a project folder (built and packed first) or a `.tar.zst` bundle, with the `.minisig` beside it if there is one.

        Each step is told to `progress`.

        Raises NothingToInstall and whatever building, packing, checking and recording refuse.
        """
        named = naming(source, progress)
        archive = await bundle_of(source, named)
        named("Installing")
        return await InstallService(self._collaborators).install_archive(
            archive,
            actor=local_actor(self._tenant_id),
            signature=await asyncio.to_thread(read_signature, signature_path(archive)),
            check_component=self._check,
        )

    async def close(self) -> None:
        """Closes the engine, unless it is somebody else's."""
        if self._own_check is not None:
            await self._own_check.close()
