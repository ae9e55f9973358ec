"""Which data folder `holdfast dev` works on."""

from __future__ import annotations

import os
from pathlib import Path

from holdfast.platform.lock_file import find_platform
from holdfast.settings import load_settings

FOLDER = ".holdfast"


def choose_data_folder(given: Path | None, current: Path) -> Path:
    """The folder of the option or of HOLDFAST_DATA_DIR; else of the platform that runs here or above; else of the user.

    Never a new folder inside an extension: what is installed must not depend on where the command is typed.
    """
    if given is not None:
        return given.resolve()
    if os.environ.get("HOLDFAST_DATA_DIR"):
        return load_settings().data_dir.resolve()
    current = current.resolve()
    candidates = [folder / FOLDER for folder in (current, *current.parents) if (folder / FOLDER).is_dir()]
    running = next((folder for folder in candidates if find_platform(folder) is not None), None)
    return running or next(iter(candidates), None) or user_folder()


def user_folder() -> Path:
    """The data folder of the user, for a platform that belongs to no project (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_DATA_HOME", "")
    return (Path(base) if Path(base).is_absolute() and base else Path.home() / ".local" / "share") / "holdfast"
