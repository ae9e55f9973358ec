"""The store that is a folder: concurrent changes by others, and what a killed process leaves."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from pathlib import Path

import pytest

from holdfast.bundles.store.folder import FolderStore

KEY = "sha256/_staging/one/bundle.tar.zst"
OTHER = "sha256/_staging/two/bundle.tar.zst"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "bundles")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source"
    path.write_bytes(b"content" * 1000)
    return path


def _files(store: FolderStore) -> list[str]:
    return sorted(str(path.relative_to(store.root)) for path in store.root.rglob("*") if path.is_file())


async def test_put_creates_a_folder_again_that_was_removed_as_empty(
    store: FolderStore, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, removed = tempfile.mkstemp, 0

    def after_a_removal(*, prefix: str, suffix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 - the name of the real one
        nonlocal removed
        if removed < 2:
            removed += 1
            dir.rmdir()
        return make(prefix=prefix, suffix=suffix, dir=dir)

    monkeypatch.setattr(tempfile, "mkstemp", after_a_removal)
    await store.put(KEY, source)
    assert _files(store) == [KEY] and removed == 2


async def test_a_cancelled_put_has_ended_before_its_caller_continues(store: FolderStore, source: Path) -> None:
    for _ in range(20):
        task = asyncio.ensure_future(store.put(KEY, source))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await store.delete(KEY)
        await asyncio.sleep(0.002)
        assert _files(store) == []


async def test_partial_files_of_killed_processes_are_removed_later(store: FolderStore, source: Path) -> None:
    await store.put(KEY, source)
    old, young = ((store.root / KEY).with_name(name) for name in (".old.partial", ".young.partial"))
    for partial in (old, young):
        partial.write_bytes(b"half")
    os.utime(old, (time.time() - 3700, time.time() - 3700))
    await store.put(OTHER, source)
    await store.delete(OTHER)
    assert old.exists()
    await store.delete(KEY)
    assert (old.exists(), young.exists()) == (False, True)
