"""The lock on a data folder and platform.json."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.platform.lock_file import (
    STATE_FILE,
    DataFolderInUse,
    DataFolderLock,
    DataFolderUnusable,
    NotRunning,
    RunningPlatform,
    extension_url,
    find_platform,
    require_platform,
    write_state,
)
from tests.waiting import MAX_WAIT_SECONDS

HERE = RunningPlatform(pid=os.getpid(), console="http://127.0.0.1:4000", runner="http://127.0.0.1:4001")


def test_a_second_lock_on_the_folder_is_denied_and_names_the_holder(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path):
        write_state(tmp_path, HERE)
        with pytest.raises(DataFolderInUse) as rejected, DataFolderLock(tmp_path):
            pass
    assert "http://127.0.0.1:4000" in str(rejected.value) and f"pid {os.getpid()}" in str(rejected.value)


def test_the_folder_is_free_again_after_the_lock(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path):
        pass
    with DataFolderLock(tmp_path):
        pass


def test_the_lock_of_a_killed_process_is_released(tmp_path: Path) -> None:
    holder = "import sys; from pathlib import Path; from holdfast.platform.lock_file import DataFolderLock\n"
    holder += "lock = DataFolderLock(Path(sys.argv[1])).__enter__(); print('held', flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline() == b"held\n"
        with pytest.raises(DataFolderInUse), DataFolderLock(tmp_path):
            pass
        process.kill()
        process.wait(timeout=MAX_WAIT_SECONDS)
    with DataFolderLock(tmp_path):
        pass


def test_a_folder_that_cannot_be_created_is_an_error_that_names_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match="--data-dir"), DataFolderLock(tmp_path / "file" / "data"):
        pass


def test_the_running_platform_is_found_while_the_lock_is_held(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path):
        write_state(tmp_path, HERE)
        assert find_platform(tmp_path) == HERE
    assert find_platform(tmp_path) is None
    assert not (tmp_path / STATE_FILE).exists()


def test_a_file_left_behind_is_not_a_running_platform(tmp_path: Path) -> None:
    with DataFolderLock(tmp_path):
        pass
    write_state(tmp_path, HERE)
    assert find_platform(tmp_path) is None
    with pytest.raises(NotRunning, match="holdfast up"):
        require_platform(tmp_path)


def test_platform_json_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    write_state(tmp_path, HERE)
    assert (tmp_path / STATE_FILE).stat().st_mode & 0o777 == 0o600


def test_the_address_of_an_extension_is_that_of_the_running_console_or_of_the_default(tmp_path: Path) -> None:
    assert extension_url(tmp_path, "abc") == "http://localhost:3000/msp/extensions/abc/"
    with DataFolderLock(tmp_path):
        write_state(tmp_path, HERE)
        assert extension_url(tmp_path, "abc") == "http://127.0.0.1:4000/msp/extensions/abc/"
