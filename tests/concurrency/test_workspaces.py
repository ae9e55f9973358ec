"""Temporary folders: gone at the end of the work, and after a kill with the next start, but never while their owner lives."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.concurrency.workspaces import remove_stale_temporary_folders, temporary_folder
from holdfast.platform.maintenance import run_maintenance_loop
from tests.runner.processes import runner_process
from tests.waiting import wait_until

OWNER = """
import sys
from holdfast.concurrency.workspaces import temporary_folder

with temporary_folder("copy") as folder:
    (folder / "bundle").mkdir()
    (folder / "bundle" / "file").write_text("half")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The system's folder for temporary files, for this process and its children."""
    folder = tmp_path / "system"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@contextmanager
def owner() -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that uses a temporary folder."""
    with subprocess.Popen([sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process, Path(process.stdout.readline().strip())
        process.kill()


def test_a_folder_is_removed_at_the_end_of_the_work(temporary: Path) -> None:
    with temporary_folder("copy") as folder:
        (folder / "file").write_text("content")
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
    assert list(temporary.iterdir()) == []
    with pytest.raises(RuntimeError), temporary_folder("copy"):
        raise RuntimeError
    assert list(temporary.iterdir()) == []


def test_the_folder_of_a_killed_process_is_removed_and_that_of_a_running_one_stays(temporary: Path) -> None:
    with owner() as (process, folder):
        remove_stale_temporary_folders()
        assert (folder / "bundle" / "file").read_text() == "half"
        process.kill()
        process.wait()
        assert folder.exists()
        remove_stale_temporary_folders()
        assert list(temporary.iterdir()) == []


def test_nothing_else_in_the_folder_is_touched(temporary: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    (precious / "file").write_text("content")
    (temporary / "holdfast-work-link").symlink_to(precious, target_is_directory=True)
    (temporary / "holdfast-work-file").write_text("not a folder")
    (temporary / "holdfast-runner-1").mkdir()
    (temporary / "somebody-else").mkdir()
    remove_stale_temporary_folders()
    assert len(list(temporary.iterdir())) == 4
    assert (precious / "file").read_text() == "content"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
def test_a_folder_of_another_user_stays(temporary: Path) -> None:
    (temporary / "holdfast-work-copy-1").mkdir()
    os.chown(temporary / "holdfast-work-copy-1", 12_345, 12_345)
    remove_stale_temporary_folders()
    assert (temporary / "holdfast-work-copy-1").exists()


def test_a_runner_removes_what_killed_processes_left(temporary: Path, tmp_path: Path) -> None:
    with owner() as (process, folder):
        process.kill()
        process.wait()
    with runner_process(tmp_path, TMPDIR=str(temporary)):
        wait_until(lambda: not folder.exists())


async def test_maintenance_removes_what_killed_processes_left(temporary: Path) -> None:
    with owner() as (process, folder):
        process.kill()
        process.wait()

    class Ended(Exception):
        pass

    class Installs:
        async def remove_due_storage(self) -> int:
            raise Ended

    with pytest.raises(Ended):
        await run_maintenance_loop(Installs(), None)  # type: ignore[arg-type]
    assert not folder.exists()
