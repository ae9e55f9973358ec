"""Bundles of `holdfast dev`: a component that all of them share, and the code of the handler as a file next to it.

bundle with development/… ── production ──▶ refused
        │ development
component loaded as any other ──▶ the code read once per bundle ──▶ component with this code, kept in memory
        │
component without the code that it reads, or code without a component that reads it ──▶ refused
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from cachetools import LRUCache

from holdfast.bundles.archive.layout import MAX_DEVELOPMENT_SOURCE_BYTES
from holdfast.bundles.cache.unpacked import UnpackedBundle
from holdfast.engine import Component, ComponentError, Engine

MAX_KEPT = 32
"""Bundles whose code stays in memory. Each save makes a bundle, and only the newest ones are called."""


class DevelopmentBundles:
    """Gives development components their code. Belongs to one event loop."""

    def __init__(self, *, allowed: bool) -> None:
        """`allowed` is false in production."""
        self._allowed = allowed
        self._kept: LRUCache[str, Component] = LRUCache(MAX_KEPT)

    def kept(self, bundle: UnpackedBundle, component: Component) -> Component | None:
        """The component with the code of the bundle, when it is in memory; the component itself for any other bundle."""
        if not bundle.is_development and not component.needs_source:
            return component
        found = self._kept.get(_digest(bundle))
        return found if found is not None and found.native is component.native else None

    async def load(self, engine: Engine, bundle: UnpackedBundle) -> Component:
        """Loads the component of a bundle that has one. Raises ComponentError, also `development_component_refused`."""
        assert bundle.component is not None and bundle.component_sha256 is not None
        if bundle.is_development and not self._allowed:
            raise _refused("The bundle has files in development/, which run on a platform in development only.")
        component = await engine.load(bundle.component, bundle.component_sha256)
        if not bundle.is_development and not component.needs_source:
            return component
        kept = self.kept(bundle, component)
        if kept is not None:
            return kept
        if not component.needs_source:
            raise _refused("The bundle has files in development/, and a component that does not read them.")
        if bundle.source is None or not self._allowed:
            raise _refused("The component reads its handler from development/, and the bundle has no such file.")
        loaded = component.with_source(await asyncio.to_thread(_read, bundle.source))
        self._kept[_digest(bundle)] = loaded
        return loaded


def _digest(bundle: UnpackedBundle) -> str:
    return bundle.root.parent.name


def _read(path: Path) -> str:
    size = path.stat().st_size
    if size > MAX_DEVELOPMENT_SOURCE_BYTES:
        raise _refused(f"{path.name} has {size} bytes; the limit is {MAX_DEVELOPMENT_SOURCE_BYTES}.")
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError as error:
        raise _refused(f"{path.name} is not UTF-8: {error}.") from None


def _refused(message: str) -> ComponentError:
    return ComponentError("development_component_refused", message, hint="Run `holdfast build` and `holdfast pack`, and use that bundle.")
