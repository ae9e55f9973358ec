"""The user's record of running platforms: private, complete, and free of platforms that ended."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from holdfast.platform.lock_file import DataFolderLock
from holdfast.platform.record import recorded, recorded_platforms


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the record is."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "holdfast" / "platforms"


def test_a_running_platform_is_in_the_record_by_the_path_of_its_data_folder_alone(tmp_path: Path, folder: Path) -> None:
    with DataFolderLock(tmp_path / "data"), recorded(tmp_path / "data") as is_recorded:
        assert is_recorded
        assert recorded_platforms() == [tmp_path / "data"]
        (file,) = folder.iterdir()
        assert file.read_text() == str(tmp_path / "data")
        assert (stat.S_IMODE(folder.stat().st_mode), stat.S_IMODE(file.stat().st_mode)) == (0o700, 0o600)
    assert list(folder.iterdir()) == []
    assert recorded_platforms() == []


def test_several_platforms_are_listed_with_the_one_that_started_last_first(tmp_path: Path, folder: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    with DataFolderLock(first), recorded(first), DataFolderLock(second), recorded(second):
        for age, file in enumerate(sorted(folder.iterdir(), key=lambda path: path.read_text() != str(second))):
            os.utime(file, (1_000 - age, 1_000 - age))
        assert recorded_platforms() == [second, first]


def test_the_entry_of_a_killed_platform_is_removed_by_any_command_that_sees_it(tmp_path: Path, folder: Path) -> None:
    with DataFolderLock(tmp_path / "data"), recorded(tmp_path / "data"):
        left = next(folder.iterdir()).read_bytes()
    (folder / ("0" * 32)).write_bytes(left)
    (folder / ("1" * 32)).write_bytes(os.fsencode(tmp_path / "absent"))
    (folder / ("2" * 32)).write_bytes(b"relative")
    assert recorded_platforms() == []
    assert list(folder.iterdir()) == []


def test_a_record_that_cannot_be_written_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with DataFolderLock(tmp_path / "data"), recorded(tmp_path / "data") as is_recorded:
        assert not is_recorded
        assert recorded_platforms() == []


@pytest.mark.parametrize("how", ["owner", "mode"])
def test_a_record_that_others_can_write_does_not_count(tmp_path: Path, folder: Path, how: str) -> None:
    if how == "owner" and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    with DataFolderLock(tmp_path / "data"), recorded(tmp_path / "data"):
        if how == "owner":
            os.chown(folder, 12_345, 12_345)
        else:
            folder.chmod(0o777)
        assert recorded_platforms() == []
