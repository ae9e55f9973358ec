"""Which data folder `holdfast dev` works on."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.client.location.find import running_data_folder
from holdfast.client.location.folders import data_folders_above
from holdfast.settings import load_settings


def choose_data_folder(given: Path | None, current: Path) -> Path:
    """The folder of the option or of HOLDFAST_DATA_DIR; else of the platform that every command here finds; else an existing one; else the
    user's.

    Never a new folder inside an extension: what is installed must not depend on where the command is typed.
    """
    if given is not None:
        return given.resolve()
    if os.environ.get("HOLDFAST_DATA_DIR"):
        return load_settings().data_dir.resolve()
    current = current.resolve()
    return running_data_folder(current) or next(iter(data_folders_above(current)), None) or user_folder()


def user_folder() -> Path:
    """The data folder of the user, for a platform that belongs to no project (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if Path(base).is_absolute() and base else Path.home() / ".local" / "share") / "holdfast"
