"""From a folder (or a bundle) to an installed extension: build, pack, check that it runs here, record. With or without a platform."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from holdfast.author.build import build
from holdfast.author.toolchain import Toolchain
from holdfast.bundles.hashing import hash_file
from holdfast.bundles.packing import pack, read_project_manifest
from holdfast.bundles.signature_files import read_signature, signature_beside
from holdfast.bundles.signatures import TrustPolicy
from holdfast.bundles.store import BundleStore, open_store
from holdfast.cli.records import open_records
from holdfast.engine import Engine
from holdfast.errors import HoldfastError
from holdfast.records.accounts import DEVELOPMENT_TENANT_ID
from holdfast.records.database import Database
from holdfast.registry.installs import Installed, install_bundle
from holdfast.settings import Settings

BUNDLE_SUFFIXES = (".tar.zst", ".zst")
_WHAT_TO_NAME = "Name the folder of an extension (it holds manifest.json) or a .tar.zst bundle."

Progress = Callable[[str], None]


class NothingToInstall(HoldfastError):
    """What was named is neither a folder of an extension nor a bundle."""

    code = "nothing_to_install"
    status = 400


class Installer:
    """Installs for the development tenant of one data folder. Its engine is made when the first component needs it."""

    def __init__(self, settings: Settings, db: Database, store: BundleStore) -> None:
        self._settings = settings
        self._db = db
        self._store = store
        self._engine: Engine | None = None

    async def install(self, source: Path, progress: Progress) -> Installed:
        """Installs a project folder (built and packed first) or a `.tar.zst` bundle, with the `.minisig` beside it if there is one.

        Each step is told to `progress`.

        Raises NothingToInstall and whatever building, packing, checking and recording refuse.
        """
        is_project = await asyncio.to_thread(check_source, source)
        named = _naming(source, progress)
        archive = await self._bundle_of(source, named) if is_project else source
        named("Installing")
        return await install_bundle(
            self._db,
            self._store,
            archive,
            tenant_id=DEVELOPMENT_TENANT_ID,
            policy=TrustPolicy.from_settings(self._settings),
            signature=await asyncio.to_thread(read_signature, signature_beside(archive)),
            check_component=self._check_component,
        )

    async def close(self) -> None:
        """Closes the engine."""
        if self._engine is not None:
            await self._engine.close()

    async def _bundle_of(self, project: Path, progress: Progress) -> Path:
        await build(project, toolchain=Toolchain(), progress=progress)
        return (await asyncio.to_thread(pack, project)).path

    async def _check_component(self, component: Path) -> None:
        # Loading compiles into the folder that the runner uses too: its first call finds the component ready. No guest code runs here.
        if self._engine is None:
            self._engine = Engine(self._settings.resolved_artifact_root, pool=False)
        await self._engine.load(component, await asyncio.to_thread(hash_file, component))


def _naming(source: Path, progress: Progress) -> Progress:
    """Several sources are worked on at once: each step says whose it is."""
    name = source.absolute().name
    return lambda step: progress(f"{name}: {step[:1].lower()}{step[1:]}")


def check_source(source: Path) -> bool:
    """Whether the source is a project folder; else it is a bundle. Raises NothingToInstall, ManifestMissing, ManifestError."""
    if source.is_dir():
        read_project_manifest(source)
        return True
    if not source.exists():
        raise NothingToInstall(f"There is no {source}.", hint=_WHAT_TO_NAME)
    if not source.name.endswith(BUNDLE_SUFFIXES):
        raise NothingToInstall(f"{source} is not a bundle.", hint=_WHAT_TO_NAME)
    return False


@asynccontextmanager
async def open_installer(settings: Settings) -> AsyncIterator[Installer]:
    """An installer on the data folder of the settings, for a command of its own."""
    async with open_records(settings) as db:
        installer = Installer(settings, db, open_store(settings))
        try:
            yield installer
        finally:
            await installer.close()
