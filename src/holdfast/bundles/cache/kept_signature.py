"""The copy of a signature next to the unpacked files, so that the next process need not read it from the store."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from holdfast.bundles.cache.workspace import workspace

KEPT = ".minisig"
"""Its name beside the unpacked files. No member of an archive can have a dot-leading name, so no bundle can bring it along."""


def keep_signature(root: Path, signature: bytes, cache_root: Path) -> None:
    """Keeps a signature beside the unpacked files in `root`, so that the next process need not ask the store for it.

    What cannot be kept is asked for again: nothing is raised.
    """
    with suppress(OSError), workspace(cache_root) as folder:
        written = folder / KEPT
        written.write_bytes(signature)
        written.replace(root / KEPT)
