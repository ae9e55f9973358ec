"""Temporary folders: gone at the end of the work, and after a kill with the next start, but never while their owner lives."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.concurrency.workspaces import remove_stale_temporary_folders, staging_folder, temporary_folder
from holdfast.platform.maintenance import run_maintenance_loop
from tests.runner.processes import runner_process
from tests.waiting import wait_until

OWNER = """
import sys
from pathlib import Path
from holdfast.concurrency.workspaces import staging_folder, temporary_folder

with staging_folder(Path(sys.argv[1])) if len(sys.argv) > 1 else temporary_folder("copy") as folder:
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
def owner(*staging: Path) -> Iterator[tuple[subprocess.Popen[str], Path]]:
    """Another process that uses a temporary folder, or a staging folder in the folder given."""
    with subprocess.Popen([sys.executable, "-c", OWNER, *staging], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
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


def test_the_next_staging_folder_removes_those_of_killed_processes_and_nothing_else(tmp_path: Path) -> None:
    mine = [tmp_path / "dist", tmp_path / ".work-0123456789abcdef", tmp_path / ".holdfast-build.json"]
    for folder in mine:
        folder.mkdir()
    with owner(tmp_path) as (killed, first), owner(tmp_path) as (_, second):
        assert first.parent == second.parent == tmp_path
        killed.kill()
        killed.wait()
        with staging_folder(tmp_path) as staging:
            assert not first.exists() and (second / "bundle" / "file").read_text() == "half"
            (staging / "file").write_text("made")
            (staging / "file").rename(tmp_path / "dist" / "file")
        assert not staging.exists()
        second.rename(tmp_path / "moved")  # what is put in its place as a whole belongs to no lock
    with staging_folder(tmp_path):
        assert (tmp_path / "moved" / "bundle").is_dir() and all(folder.is_dir() for folder in mine)


def test_on_a_file_system_without_locks_folders_are_used_and_never_taken_for_stale(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    with temporary_folder("copy") as folder, staging_folder(temporary) as staging:
        remove_stale_temporary_folders()
        with staging_folder(temporary):
            assert folder.is_dir() and staging.is_dir()
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
