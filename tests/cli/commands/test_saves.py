"""What saves leave behind on the disk of a running platform: bundles, unpacked files, compiled components and rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from holdfast.bundles.archive.packing import pack
from tests.cli.command_runner import Done, Platform
from tests.session.effort import repetitions
from tests.waiting import wait_until

MIB = 1 << 20
SETTLED = 4
"""Saves after which each further one replaces as much as it adds."""


def size_of(folder: Path, *, with_database: bool = False) -> int:
    """Bytes in all files; a file that is removed meanwhile counts nothing.

    The database grows by an audit row for each install, and its write-ahead log up to a limit of its own.
    """
    total = 0
    for file in folder.rglob("*"):
        if file.name.startswith("holdfast.db") and not with_database:
            continue
        try:
            total += file.lstat().st_size
        except FileNotFoundError:
            continue
    return total


@pytest.mark.process
def test_the_disk_use_of_a_platform_does_not_grow_with_saves(
    tmp_path: Path, built: Callable[[str], Path], command: Callable[..., Done]
) -> None:
    """Each save installs a bundle with a whole component. The long run makes a thousand saves.

    A runner's own test has components that differ.
    """
    project = shutil.copytree(built("faulty"), tmp_path / "faulty", ignore=shutil.ignore_patterns("node_modules"))
    manifest = json.loads((project / "manifest.json").read_text())
    with Platform(tmp_path, HOLDFAST_ARTIFACT_ROOT=str(tmp_path / "data" / "artifacts")) as platform:
        platform.ready()
        settled = 0
        for number in range(repetitions(SETTLED + 3, long=1_000)):
            (project / "manifest.json").write_text(json.dumps(manifest | {"description": f"save {number}"}))
            done = command("install", pack(project).path, "--json", "--data-dir", platform.data_dir)
            assert done.returncode == 0, done.stderr
            called = command("invoke", "com.alga.test.faulty", "/ok", "--data-dir", platform.data_dir)
            assert called.stdout.startswith("200 "), called.stdout
            if number == SETTLED:
                settled = size_of(platform.data_dir)
        # One bundle of this extension has more than that, packed and unpacked.
        wait_until(lambda: size_of(platform.data_dir) < settled + MIB, lambda: (settled, size_of(platform.data_dir)))
        assert size_of(platform.data_dir, with_database=True) < 200 * MIB
