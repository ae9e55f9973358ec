"""Changes of every kind are noticed by the comparison of fingerprints, and those of no input are not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.dev.options import UiUrlInvalid, read_ui_urls
from holdfast.dev.watching.fingerprint import changed_paths, fingerprint
from tests.dev.dev_process import save


def _append(path: Path) -> None:
    with path.open("a") as file:
        file.write("more")


def _same_size_and_time(path: Path) -> None:
    """As tools do that restore times: only the change time differs."""
    before = path.stat()
    path.write_text("B" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], None]] = {
    "written": _append,
    "renamed over it": lambda path: save(path, "other"),
    "the same size and time": _same_size_and_time,
    "removed": lambda path: path.unlink(),
    "its folder removed": lambda path: shutil.rmtree(path.parent),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_an_input_is_seen(tmp_path: Path, change: Callable[[Path], None]) -> None:
    path = tmp_path / "src" / "handler.ts"
    path.parent.mkdir()
    path.write_text("A" * 10)
    before = fingerprint([path])
    change(path)
    assert changed_paths(before, fingerprint([path])) == [path]


def test_a_symlink_is_compared_by_the_file_behind_it(tmp_path: Path) -> None:
    target, link = tmp_path / "target.ts", tmp_path / "link.ts"
    target.write_text("one")
    link.symlink_to(target)
    before = fingerprint([link])
    _append(target)
    assert changed_paths(before, fingerprint([link])) == [link]


def test_a_folder_is_compared_by_the_names_in_it_that_can_be_inputs(tmp_path: Path) -> None:
    before = fingerprint([tmp_path])
    for name in ("4913", ".handler.ts.swp", "handler.ts~", "#handler.ts#", ".git", "dist", "node_modules", "__pycache__", "x.partial"):
        (tmp_path / name).touch()
    assert changed_paths(before, fingerprint([tmp_path])) == []
    (tmp_path / "tickets.ts").touch()
    assert changed_paths(before, fingerprint([tmp_path])) == [tmp_path]


@pytest.mark.parametrize(
    ("written", "names", "expected"),
    [
        (("http://localhost:5173",), ["pages"], {"pages": "http://localhost:5173"}),
        (("http://127.0.0.1:5173/app/",), ["pages"], {"pages": "http://127.0.0.1:5173/app"}),
        (("b=http://localhost:5174", "a=http://localhost:5173"), ["a", "b"], {"a": "http://localhost:5173", "b": "http://localhost:5174"}),
        (("http://localhost:5173/?a=b",), ["pages"], {"pages": "http://localhost:5173"}),
    ],
)
def test_addresses_of_development_servers(written: tuple[str, ...], names: list[str], expected: dict[str, str]) -> None:
    assert read_ui_urls(written, names) == expected


@pytest.mark.parametrize(
    "written",
    [
        "http://localhost:5173",
        "c=http://localhost:5173",
        "a=https://localhost:5173",
        "a=http://example.com",
        "a=http://me:x@localhost",
        "a=http://localhost:x",
    ],
)
def test_an_address_that_cannot_be_shown_is_refused(written: str) -> None:
    """Without a name of two extensions, of an unknown one, and addresses that are not http addresses of this machine."""
    with pytest.raises(UiUrlInvalid):
        read_ui_urls((written,), ["a", "b"])
