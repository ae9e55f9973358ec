"""What builds and packing need to know of a manifest. Of one that was valid before, they need no model, whose import takes long."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from msgspec import Struct

import holdfast


class ManifestFacts(Struct, frozen=True, kw_only=True):
    """Of a valid manifest: whether it needs a component, and the paths of its page and its icon, if it has them."""

    needs_component: bool
    ui_entry: str | None = None
    icon: str | None = None


def parse_facts(text: bytes) -> ManifestFacts:
    """The facts of a manifest.json. Raises ManifestError when it is invalid."""
    from holdfast.bundles.manifest.model import parse_manifest

    manifest = parse_manifest(text)
    return ManifestFacts(
        needs_component=manifest.needs_component, ui_entry=None if manifest.ui is None else manifest.ui.entry, icon=manifest.icon
    )


@cache
def rules_key() -> str:
    """Identifies the rules by which facts were read: other rules can find the same manifest invalid."""
    newest = max(path.stat().st_mtime_ns for path in Path(__file__).parent.rglob("*.py"))
    return f"{holdfast.__version__}-{newest}"
