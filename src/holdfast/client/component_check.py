"""Checks that a component runs here, for commands on a data folder. On a server, the runner checks components."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.bundles.store.hashing import hash_file
from holdfast.settings import Settings

if TYPE_CHECKING:
    from holdfast.engine import Engine


class ComponentCheck:
    """Compiles components into the folder of the runner, so that its first call finds them compiled. It runs no guest code.

    The engine is created for the first component.
    """

    def __init__(self, settings: Settings) -> None:
        self._artifacts = settings.resolved_artifact_root
        self._engine: Engine | None = None

    async def __call__(self, component: Path) -> None:
        """Raises the engine's error when the component cannot run here."""
        if self._engine is None:
            # Imported here: most commands compile no component, and the engine loads a large shared library.
            from holdfast.engine import Engine

            self._engine = Engine(self._artifacts, pool=False)
        await self._engine.load(component, await asyncio.to_thread(hash_file, component))

    async def close(self) -> None:
        """Closes the engine."""
        if self._engine is not None:
            await self._engine.close()
