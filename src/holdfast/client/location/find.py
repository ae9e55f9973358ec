"""Finds the platform or the data folder that a command works on, and says which it is and why.

--data-dir or HOLDFAST_DATA_DIR ──────────────────────────────▶ that folder, and the platform on it if one runs
     │ neither
     ▼
a running platform whose data folder is at or above here ─────▶ that platform, the nearest
     │ none
     ▼
the running platforms of the user ── one ─────────────────────▶ that platform
     │ none          └─ several ──────────────────────────────▶ the one that started last
     ▼
a data folder at or above here, or that of the user ──────────▶ that folder
     │ none
     ▼
may the command create one? ── no, or within an extension ────▶ NotRunning, with what to do
     │ yes
     ▼
.holdfast here
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from holdfast.client.location.conflicts import describe_conflicts
from holdfast.client.location.connection import PlatformConnection, PlatformForeign, connect
from holdfast.client.location.folders import (
    DATA_FOLDER,
    current_folder,
    data_folders_above,
    extension_around,
    foreign_data_folder,
    is_around,
    nearest,
    user_data_folder,
)
from holdfast.errors import HoldfastError
from holdfast.platform.lock_file import NotRunning, is_locked
from holdfast.platform.record import recorded_platforms
from holdfast.settings import Settings, load_settings

Missing = Literal["fail", "create"]
"""What a command does where there is neither a platform nor a data folder."""

Report = Callable[[str], None]
"""Receives a sentence for the user."""


@dataclass(frozen=True)
class Location:
    """Where a command works: on `platform`, or (None) on the data folder of the `settings`, on which none runs.

    With a platform, `settings` still has the database and bundle store of the command's own environment, which it must not use.
    """

    settings: Settings
    platform: PlatformConnection | None = None

    @property
    def wants_production(self) -> bool:
        """Whether the command's own environment asks for the rules of production."""
        return "environment" in self.settings.names_set and self.settings.environment == "production"


@asynccontextmanager
async def find_location(data_dir: Path | None, *, missing: Missing = "fail", report: Report) -> AsyncIterator[Location]:
    """The location of one command; `data_dir` is its option.

    Raises SettingInvalid, NotRunning, PlatformForeign, PlatformUnreachable, FolderGone.
    """
    settings = load_settings(data_dir=data_dir)
    if "data_dir" in settings.names_set:
        platform = await connect(settings.data_dir, is_chosen=True, report=report)
    else:
        platform = await _find_platform(report)
        chosen = Path(platform.description.data_dir) if platform is not None else _choose_folder(missing, report)
        settings = settings.replaced(data_dir=chosen)
    try:
        if platform is not None:
            for line in describe_conflicts(settings, platform.description):
                report(line)
        yield Location(settings, platform)
    finally:
        if platform is not None:
            platform.close()


def find_data_folder(data_dir: Path | None, *, creates: bool = False, report: Report) -> Path:
    """The data folder alone, for commands that only work on its files; without `creates` it may not exist.

    Raises SettingInvalid, FolderGone, and with `creates` NotRunning and PlatformForeign.
    """
    settings = load_settings(data_dir=data_dir)
    if "data_dir" in settings.names_set:
        return settings.data_dir
    here = current_folder()
    running = running_data_folder(here)
    if running is not None:
        report(f"Using the data folder {running}, on which a platform runs.")
        return running
    if creates:
        return _choose_folder("create", report)
    return _existing_folder(here) or settings.data_dir


def running_data_folder(here: Path) -> Path | None:
    """The data folder of the platform that a command in this folder would work on, or None. It contacts no platform."""
    return next(iter(_running_data_folders(here)[0]), None)


def folder_to_start_in(settings: Settings, report: Report) -> Path:
    """The data folder of a platform that starts here: the one that was named, else `.holdfast` here, but never within an extension.

    There it is the nearest existing one above, or the one of the user. Raises FolderGone.
    """
    if "data_dir" in settings.names_set:
        return settings.data_dir
    here = current_folder()
    extension = extension_around(here)
    if extension is None or (here / DATA_FOLDER).is_dir():
        return settings.data_dir
    chosen = _existing_folder(here) or user_data_folder()
    if chosen is None:
        return settings.data_dir
    report(f"Using the data folder {chosen}, because {extension} is an extension. --data-dir chooses another.")
    return chosen


async def _find_platform(report: Report) -> PlatformConnection | None:
    found, are_around = _running_data_folders(current_folder())
    reason = "whose data folder is at or above the current folder" if are_around else "the only one that runs"
    return await _connect_first(found, reason, report)


def _running_data_folders(here: Path) -> tuple[list[Path], bool]:
    """The data folders of the running platforms to choose from, best first, and whether they are at or above this folder."""
    recorded = [one.resolve() for one in recorded_platforms()]
    above = [one.resolve() for one in data_folders_above(here) if is_locked(one)]
    around = nearest(list(dict.fromkeys([*above, *(one for one in recorded if is_around(one, here.resolve()))])))
    return (around, True) if around else (recorded, False)


async def _connect_first(data_dirs: list[Path], reason: str, report: Report) -> PlatformConnection | None:
    """The first that still runs, which it reports. Raises the error of the first that cannot be reached when no other can."""
    failed: HoldfastError | None = None
    for position, data_dir in enumerate(data_dirs):
        try:
            platform = await connect(data_dir, is_chosen=False, report=report)
        except PlatformForeign as error:
            failed = failed or error
            continue
        if platform is None:
            continue
        others = [one for one in data_dirs[position + 1 :] if is_locked(one)]
        where = f"the platform at {platform.description.console} (data folder {platform.description.data_dir})"
        if others:
            also = ", ".join(map(str, others))
            report(f"Using {where}, which started last. Others run on {also}: choose one with --data-dir.")
        else:
            report(f"Using {where}, {reason}.")
        return platform
    if failed is not None:
        raise failed
    return None


def _choose_folder(missing: Missing, report: Report) -> Path:
    here = current_folder()
    if (foreign := foreign_data_folder(here)) is not None:
        raise PlatformForeign(
            f"The data folder {foreign} belongs to another user.", hint="Run the command as that user, or choose a folder with --data-dir."
        )
    if (existing := _existing_folder(here)) is not None:
        report(f"No platform is running. Using the data folder {existing}.")
        return existing
    extension = extension_around(here)
    if missing == "fail" or extension is not None:
        inside = "" if extension is None else f"{extension} is an extension, so no data folder is created in it. "
        raise NotRunning(
            "No platform is running, and no data folder is here or above.",
            hint=f"{inside}Start the platform with `holdfast up` or `holdfast dev`, or choose a data folder with --data-dir.",
        )
    created = here / DATA_FOLDER
    report(f"No platform is running. Creating the data folder {created}.")
    return created


def _existing_folder(here: Path) -> Path | None:
    own = user_data_folder()
    return next(iter(data_folders_above(here)), own if own is not None and own.is_dir() else None)
