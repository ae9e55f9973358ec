"""The folders that decide where a command works: of extensions, and data folders at or above the current folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from holdfast.errors import HoldfastError

DATA_FOLDER = ".holdfast"
MANIFEST = "manifest.json"
DATA_HOME_VARIABLE = "XDG_DATA_HOME"


class FolderGone(HoldfastError):
    """Raised when the current folder no longer exists."""

    code = "current_folder_gone"
    status = 400


def current_folder() -> Path:
    """The folder that the command runs in. Raises FolderGone."""
    try:
        return Path.cwd()
    except OSError:
        raise FolderGone("The current folder no longer exists.", hint="Change to another folder.") from None


def extension_around(folder: Path) -> Path | None:
    """The extension that the folder is in: the innermost folder with a manifest.json, at or above it."""
    return next((one for one in (folder, *folder.parents) if (one / MANIFEST).is_file()), None)


def data_folders_above(folder: Path) -> list[Path]:
    """The data folders `.holdfast` of this user, at or above the folder, the nearest first.

    What another user put above, for example in /tmp, must not get our settings and secrets.
    """
    return [one / DATA_FOLDER for one in (folder, *folder.parents) if _is_own_folder(one / DATA_FOLDER)]


def foreign_data_folder(folder: Path) -> Path | None:
    """The data folder in this folder, when it belongs to another user."""
    found = folder / DATA_FOLDER
    return found if found.is_dir() and not _is_own_folder(found) else None


def is_around(data_dir: Path, folder: Path) -> bool:
    """Whether the data folder, whatever its name, is at or above the folder."""
    return folder.is_relative_to(data_dir.parent)


def nearest(data_dirs: Sequence[Path]) -> list[Path]:
    """Those that are deepest, in their order: of several that are above one folder, they are the nearest."""
    deepest = max((len(one.parts) for one in data_dirs), default=0)
    return [one for one in data_dirs if len(one.parts) == deepest]


def user_data_folder() -> Path | None:
    """The data folder of a user who starts a platform within an extension (XDG Base Directory). None for a user without home."""
    base = os.environ.get(DATA_HOME_VARIABLE, "")
    try:
        home = Path(base) if base.startswith("/") else Path.home() / ".local" / "share"
    except RuntimeError:
        return None
    return home / "holdfast"


def _is_own_folder(path: Path) -> bool:
    try:
        return path.is_dir() and path.stat().st_uid == os.geteuid()
    except OSError:
        return False
