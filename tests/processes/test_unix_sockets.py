from __future__ import annotations

import os
import socket
import stat
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from holdfast.processes.unix_sockets import (
    MAX_PATH_BYTES,
    SocketFolderUnusable,
    is_short_enough,
    listen_in,
    remove_left_behind,
    socket_path,
    sockets_in,
    temporary_socket_folder,
)


def connect(path: str | Path) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except BaseException:
        connection.close()
        raise
    return connection


def mode(path: str | Path) -> int:
    return stat.S_IMODE(Path(path).stat().st_mode)


def leave_behind(path: Path) -> None:
    """What a killed service leaves: a socket without a listener."""
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))
        bound.listen()


def test_each_process_gets_a_socket_that_only_this_user_can_use(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "sockets"
    with listen_in(folder, 11):
        paths = sockets_in(folder)
        assert paths == [str(socket_path(folder, index)) for index in range(11)]
        assert mode(folder) == 0o700
        assert {mode(path) for path in paths} == {0o600}
        for path in paths:
            connect(path).close()
    assert sockets_in(folder) == []


def test_the_folder_of_another_service_is_left_alone(tmp_path: Path) -> None:
    with listen_in(tmp_path, 1) as (own,):
        with pytest.raises(SocketFolderUnusable, match="another process listens there"), listen_in(tmp_path, 1):
            pass
        with connect(socket_path(tmp_path, 0)), closing(own.accept()[0]):
            pass


def test_sockets_of_a_killed_service_are_replaced(tmp_path: Path) -> None:
    leave_behind(socket_path(tmp_path, 0))
    with pytest.raises(ConnectionRefusedError):
        connect(socket_path(tmp_path, 0))
    with listen_in(tmp_path, 1):
        connect(socket_path(tmp_path, 0)).close()


def test_a_socket_on_which_a_stranger_listens_is_not_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as strange:
        strange.bind(str(socket_path(tmp_path, 0)))
        strange.listen()
        with pytest.raises(SocketFolderUnusable, match="another process listens there"), listen_in(tmp_path, 1):
            pass
        connect(socket_path(tmp_path, 0)).close()


@pytest.mark.parametrize("kind", ["file", "link"])
def test_another_kind_of_file_is_not_replaced(tmp_path: Path, kind: str) -> None:
    kept = tmp_path / "kept"
    kept.write_text("kept")
    path = socket_path(tmp_path, 0)
    if kind == "file":
        kept.rename(path)
    else:
        path.symlink_to(kept)
    with pytest.raises(SocketFolderUnusable, match="is not a socket"), listen_in(tmp_path, 1):
        pass
    assert path.read_text() == "kept"


def test_what_replaced_our_socket_is_not_removed(tmp_path: Path) -> None:
    path = socket_path(tmp_path, 0)
    with listen_in(tmp_path, 1):
        path.unlink()
        path.write_text("another's")
    assert path.read_text() == "another's"


@pytest.mark.parametrize("bits", [0o770, 0o702])
def test_a_folder_to_which_others_may_write_is_rejected(tmp_path: Path, bits: int) -> None:
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(bits)
    with pytest.raises(SocketFolderUnusable, match="may write to it"), listen_in(folder, 1):
        pass


def test_a_path_that_is_too_long_is_rejected(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * MAX_PATH_BYTES)
    assert not is_short_enough(folder)
    with pytest.raises(SocketFolderUnusable, match=f"at most {MAX_PATH_BYTES} bytes"), listen_in(folder, 1):
        pass


def test_the_longest_path_that_is_accepted_works() -> None:
    name = "x" * (MAX_PATH_BYTES - len("/tmp//999.sock"))
    folder = Path("/tmp") / name
    assert is_short_enough(folder) and not is_short_enough(Path("/tmp") / f"{name}x")
    try:
        with listen_in(folder, 1):
            connect(socket_path(folder, 0)).close()
    finally:
        (folder / "lock").unlink()
        folder.rmdir()


def test_a_folder_that_is_not_there_has_no_sockets(tmp_path: Path) -> None:
    assert sockets_in(tmp_path / "none") == []
    (tmp_path / "a.sock").touch()
    (tmp_path / "1.txt").touch()
    os.mkfifo(tmp_path / "x")
    assert sockets_in(tmp_path) == []


def test_the_folder_of_one_run_is_private_short_and_removed_with_it() -> None:
    with temporary_socket_folder() as folder:
        assert folder is not None and mode(folder) == 0o700
        with listen_in(folder, 2):
            assert len(sockets_in(folder)) == 2
    assert not folder.exists()


def test_where_the_temporary_socket_folder_has_a_long_path_another_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = tmp_path / ("x" * MAX_PATH_BYTES)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with temporary_socket_folder() as folder:
        assert folder is not None and is_short_enough(folder) and not list(long.iterdir())
    assert not folder.exists()


def test_processes_of_a_killed_owner_remove_their_sockets_and_the_last_one_the_folder() -> None:
    with temporary_socket_folder() as folder:
        assert folder is not None
        for index in range(2):
            leave_behind(socket_path(folder, index))
        (folder / "lock").touch()
        remove_left_behind(socket_path(folder, 0))
        assert sockets_in(folder) == [str(socket_path(folder, 1))]
        remove_left_behind(socket_path(folder, 1))
        assert not folder.exists()


def test_a_folder_that_the_settings_name_is_left_to_its_next_run(tmp_path: Path) -> None:
    leave_behind(socket_path(tmp_path, 0))
    remove_left_behind(socket_path(tmp_path, 0))
    assert sockets_in(tmp_path) == [str(socket_path(tmp_path, 0))]
