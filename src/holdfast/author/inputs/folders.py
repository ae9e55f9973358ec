"""The names in a folder: a new, removed or renamed file can change which file an import finds."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

OUTPUTS = {"dist", "node_modules", "__pycache__"}
"""Folders in the root of a project that a build writes, or that have a listing of their own."""

_NOISE = ("~", ".tar.zst", ".sha256", ".minisig", ".log", ".tgz")
"""Backups of editors, packed bundles, and what package managers leave."""

_OWN_OUTPUTS = {"main.wasm", "component.wasm", "component.json", "ui", "development", "bundle.tar.zst", "bundle.sha256"}


def _is_noise(folder: Path, name: str, root: Path) -> bool:
    if name.startswith(".") or name == "__pycache__" or name.endswith(_NOISE):
        return True
    return (folder == root and name in OUTPUTS) or (folder == root / "dist" and name in _OWN_OUTPUTS)


def list_folder(folder: Path, root: Path) -> str:
    """A hash of the names in `folder` and of the targets of its links; empty when there is no such folder.

    Leaves out hidden files, editors' backups, and the outputs of builds of the project `root`.
    """
    lines = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if _is_noise(folder, entry.name, root):
                    continue
                if entry.is_symlink():
                    lines.append(f"{entry.name} -> {os.path.relpath(os.path.realpath(entry.path), root)}")
                else:
                    lines.append(f"{entry.name}/" if entry.is_dir() else entry.name)
    except OSError:
        return ""
    return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
