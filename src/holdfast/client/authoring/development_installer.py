"""Installs the extensions that `holdfast up` is started with."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.client.authoring.sources import check_source, install_source
from holdfast.client.progress import WorkProgress
from holdfast.records.development_tenant import DEVELOPMENT_TENANT_ID
from holdfast.registry.installs.results import Installed
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.bundles.store.protocol import BundleStore
    from holdfast.records.database.database import Database


class DevelopmentInstaller:
    """The platform's `SourceInstaller` for the development tenant."""

    def __init__(self, progress: WorkProgress) -> None:
        self._progress = progress

    def check(self, source: Path) -> None:
        """Raises NothingToInstall, ManifestMissing or ManifestError for a source that cannot be installed."""
        check_source(source)

    @asynccontextmanager
    async def open(self, settings: Settings, db: Database, store: BundleStore) -> AsyncIterator[Callable[[Path], Awaitable[Installed]]]:
        """A function that installs one source. Several sources may be installed at the same time."""
        # Imported here: what the registry needs takes longer to import than everything that starts before it.
        from holdfast.client.registry.local import LocalRegistry

        registry = LocalRegistry(settings, db, store, DEVELOPMENT_TENANT_ID)
        try:
            yield lambda source: install_source(registry, source, self._progress)
        finally:
            await registry.close()
