"""Which platform or data folder a command works on, and what it says about it."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from holdfast.client.location.connection import PlatformForeign
from holdfast.client.location.find import Missing, find_data_folder, find_location, folder_to_start_in, running_data_folder
from holdfast.platform.lock_file import NotRunning
from holdfast.settings import load_settings
from tests.platform.served import served


class Found(NamedTuple):
    data_dir: Path
    console: str | None
    said: str


async def find(data_dir: Path | None = None, missing: Missing = "fail") -> Found:
    said = list[str]()
    async with find_location(data_dir, missing=missing, report=said.append) as location:
        console = None if location.platform is None else location.platform.description.console
        return Found(location.settings.data_dir, console, "\n".join(said))


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without settings and without a platform."""
    for variable in ("HOLDFAST_DATA_DIR", "DATABASE_URL", "HOLDFAST_DATABASE_URL", "BUNDLE_STORE_BASE", "HOLDFAST_ENVIRONMENT"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "work" / "project"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    return folder


async def test_the_one_running_platform_is_found_from_anywhere(tmp_path: Path) -> None:
    async with served(tmp_path / "away" / "data", console="http://localhost:3000"):
        assert await find() == Found(
            tmp_path / "away" / "data",
            "http://localhost:3000",
            f"Using the platform at http://localhost:3000 (data folder {tmp_path / 'away' / 'data'}), the only one that runs.",
        )


@pytest.mark.parametrize("is_recorded", [True, False])
async def test_a_platform_at_or_above_the_current_folder_goes_before_others(tmp_path: Path, here: Path, is_recorded: bool) -> None:
    async with (
        served(here.parent / ".holdfast", console="http://localhost:1", is_recorded=is_recorded),
        served(tmp_path / ".holdfast", console="http://localhost:2"),
        served(tmp_path / "away" / ".holdfast", console="http://localhost:3"),
    ):
        found = await find()
        assert (found.data_dir, found.console) == (here.parent / ".holdfast", "http://localhost:1")
        assert "at or above the current folder" in found.said
        assert running_data_folder(here) == here.parent / ".holdfast"


async def test_with_several_the_one_that_started_last_is_used_and_the_others_are_named(tmp_path: Path) -> None:
    record = Path(os.environ["XDG_STATE_HOME"]) / "holdfast" / "platforms"
    async with AsyncExitStack() as stack:
        for name in ("first", "second"):
            await stack.enter_async_context(served(tmp_path / name, console=f"http://{name}"))
        for file in record.iterdir():
            started = 1_000 if file.read_text().endswith("first") else 2_000
            os.utime(file, (started, started))
        found = await find()
    assert found.console == "http://second"
    assert "started last" in found.said and str(tmp_path / "first") in found.said and "--data-dir" in found.said


async def test_option_and_variable_go_before_every_platform_and_say_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with served(tmp_path / "running"), served(tmp_path / "named", console="http://named"):
        assert await find(tmp_path / "named") == Found(tmp_path / "named", "http://named", "")
        assert await find(tmp_path / "new") == Found(tmp_path / "new", None, "")
        monkeypatch.setenv("HOLDFAST_DATA_DIR", str(tmp_path / "variable"))
        assert await find() == Found(tmp_path / "variable", None, "")


@pytest.mark.parametrize("where", ["here", "above", "user"])
async def test_without_a_platform_an_existing_data_folder_is_used_and_named(here: Path, where: str) -> None:
    folders = {"here": here / ".holdfast", "above": here.parent / ".holdfast", "user": Path(os.environ["XDG_DATA_HOME"]) / "holdfast"}
    folders[where].mkdir(parents=True)
    assert await find() == Found(folders[where], None, f"No platform is running. Using the data folder {folders[where]}.")
    assert find_data_folder(None, report=print) == folders[where]


async def test_without_anything_a_reading_command_says_that_nothing_runs_and_creates_nothing(here: Path) -> None:
    with pytest.raises(NotRunning, match=r"No platform is running.*`holdfast up` or `holdfast dev`.*--data-dir"):
        await find()
    assert list(here.iterdir()) == []


async def test_a_writing_command_creates_a_data_folder_and_says_so_but_never_within_an_extension(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = await find(missing="create")
    assert (found.data_dir, found.said) == (here / ".holdfast", f"No platform is running. Creating the data folder {here / '.holdfast'}.")
    (here / "manifest.json").write_text("{}")
    (here / "src").mkdir()
    for folder in (here, here / "src"):
        monkeypatch.chdir(folder)
        with pytest.raises(NotRunning, match=f"{here} is an extension, so no data folder is created in it"):
            await find(missing="create")
        with pytest.raises(NotRunning):
            find_data_folder(None, creates=True, report=print)
    assert await find(here / "asked", missing="create") == Found(here / "asked", None, "")


def test_a_platform_that_starts_within_an_extension_gets_the_data_folder_of_the_user(here: Path) -> None:
    said = list[str]()
    assert folder_to_start_in(load_settings(), said.append) == Path(".holdfast")
    (here / "manifest.json").write_text("{}")
    own = Path(os.environ["XDG_DATA_HOME"]) / "holdfast"
    assert folder_to_start_in(load_settings(), said.append) == own
    assert said == [f"Using the data folder {own}, because {here} is an extension. --data-dir chooses another."]
    (here.parent / ".holdfast").mkdir()
    assert folder_to_start_in(load_settings(), print) == here.parent / ".holdfast"
    assert folder_to_start_in(load_settings(data_dir=here / "asked"), print) == here / "asked"


async def test_another_database_or_store_of_the_command_is_named_without_its_password_and_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://ann:the-password@db/other")
    monkeypatch.setenv("BUNDLE_STORE_BASE", "s3://other")
    async with served(tmp_path / "data", database="sqlite:////data/holdfast.db", bundle_store="/data/bundles"):
        said = (await find()).said
    assert "DATABASE_URL names postgresql://ann@db/other, but the running platform uses the database sqlite:////data/holdfast.db." in said
    assert "BUNDLE_STORE_BASE names s3://other, but the running platform uses the bundle store /data/bundles." in said
    assert "the-password" not in said


async def test_the_same_database_and_store_are_not_worth_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://ann:the-password@db/one?sslmode=require")
    async with served(tmp_path / "data", database="postgresql://ann@db/one"):
        assert "DATABASE_URL" not in (await find()).said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_data_folders_of_other_users_are_not_used_unless_they_are_named(tmp_path: Path, here: Path) -> None:
    for folder in (here / ".holdfast", tmp_path / ".holdfast"):
        folder.mkdir()
        os.chown(folder, 12_345, 12_345)
    with pytest.raises(PlatformForeign, match="belongs to another user"):
        await find(missing="create")
    assert (await find(here / ".holdfast")).data_dir == here / ".holdfast"
    (here / ".holdfast").rmdir()
    with pytest.raises(NotRunning):
        await find()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
async def test_the_platform_of_another_user_above_is_not_used(tmp_path: Path) -> None:
    async with served(tmp_path / ".holdfast"):
        os.chown(tmp_path / ".holdfast", 12_345, 12_345)
        with pytest.raises(PlatformForeign):
            await find()
