"""Compiled components on disk: compiled once, loaded only if this host wrote them, compiled again otherwise."""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path

import pytest

from holdfast.engine.capi import NativeComponent, NativeEngine
from holdfast.engine.compiling import artifacts
from holdfast.engine.compiling.artifacts import ArtifactStore
from tests.engine import guests
from tests.engine.guests import RETURN, module
from tests.engine.rejection import rejected
from tests.waiting import until


@pytest.fixture
def wasm() -> Path:
    return guests.assemble(module(RETURN))


@pytest.fixture
def compilations(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Counts the compiling processes that are started."""
    started: list[Path] = []
    real = artifacts._run_compiler

    async def counting(wasm: Path, out: Path, *, fuel: bool) -> None:
        started.append(wasm)
        await real(wasm, out, fuel=fuel)

    monkeypatch.setattr(artifacts, "_run_compiler", counting)
    return started


async def test_a_component_is_compiled_once_for_concurrent_requests(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    store = ArtifactStore(tmp_path / "a")
    paths = await asyncio.gather(*[store.path(wasm, guests.sha256(wasm)) for _ in range(8)])
    assert len(set(paths)) == 1
    assert len(compilations) == 1


async def test_another_store_on_the_same_folder_reuses_artifacts(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    first, second = ArtifactStore(tmp_path / "a"), ArtifactStore(tmp_path / "a")
    await asyncio.gather(first.path(wasm, guests.sha256(wasm)), second.path(wasm, guests.sha256(wasm)))
    await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    assert len(compilations) == 1


async def test_a_damaged_artifact_is_compiled_again_and_never_loaded(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    artifact = await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    whole = artifact.read_bytes()
    artifact.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    again = await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    assert again.read_bytes() == whole
    assert len(compilations) == 2


async def test_an_artifact_of_another_host_is_compiled_again(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    foreign = await ArtifactStore(tmp_path / "foreign").path(wasm, guests.sha256(wasm))
    ours = ArtifactStore(tmp_path / "ours")
    for file in (foreign, foreign.with_suffix(".mac")):
        (tmp_path / "ours" / file.name).write_bytes(file.read_bytes())
    await ours.path(wasm, guests.sha256(wasm))
    assert len(compilations) == 2


@pytest.mark.parametrize("name", ["VERSION", "SETTINGS_REVISION"])
async def test_an_artifact_of_another_version_or_configuration_is_compiled_again(
    tmp_path: Path, wasm: Path, compilations: list[Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    older = await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    monkeypatch.setattr(artifacts, name, "another")
    assert await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm)) != older
    assert len(compilations) == 2


async def test_an_artifact_put_under_another_components_name_is_not_loaded(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    other = guests.assemble(module(RETURN, response=guests.response_record(404, None)))
    store = ArtifactStore(tmp_path / "a")
    mine, theirs = await store.path(wasm, guests.sha256(wasm)), await store.path(other, guests.sha256(other))
    for mine_file, theirs_file in ((mine, theirs), (mine.with_suffix(".mac"), theirs.with_suffix(".mac"))):
        mine_file.write_bytes(theirs_file.read_bytes())
    await store.path(wasm, guests.sha256(wasm))
    assert len(compilations) == 3


async def test_a_file_with_another_hash_is_rejected(tmp_path: Path, wasm: Path) -> None:
    with rejected("not_a_component", match="hash"):
        await ArtifactStore(tmp_path / "a").path(wasm, "0" * 64)


async def test_a_hash_that_is_a_path_is_rejected(tmp_path: Path, wasm: Path) -> None:
    with pytest.raises(ValueError, match="SHA-256"):
        await ArtifactStore(tmp_path / "a").path(wasm, "../../etc/passwd")


async def test_a_rejected_component_leaves_no_files_and_is_checked_again(tmp_path: Path) -> None:
    root, file = tmp_path / "a", tmp_path / "main.wasm"
    file.write_bytes(b"not wasm")
    store = ArtifactStore(root)
    for _ in range(2):
        with rejected("not_a_component"):
            await store.path(file, guests.sha256(file))
    assert not [left for left in root.iterdir() if left.suffix in {".tmp", ".cwasm", ".mac"}]


async def test_a_compilation_beyond_its_time_limit_ends_with_a_message(tmp_path: Path, wasm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "MAX_COMPILE_SECONDS", 0.001)
    with rejected("compile_failed", match="took longer"):
        await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    assert not list((tmp_path / "a").glob("*.tmp"))


async def test_leftovers_of_a_killed_process_are_removed_at_the_next_compilation(tmp_path: Path, wasm: Path) -> None:
    store, sha256 = ArtifactStore(tmp_path / "a"), guests.sha256(wasm)
    root = tmp_path / "a"
    left, compiled = (root / f"compiling-{digit * 64}-x.tmp" for digit in "01")
    for file in (root / f"compiling-{sha256}-x.tmp", root / f"{sha256}-settings.abcd.tmp", left, compiled):
        file.write_bytes(b"half")
    # Another process compiles this one.
    with (root / f"{'1' * 64}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        await store.path(wasm, sha256)
    assert list(root.glob("*.tmp")) == [compiled]
    assert not (root / f"{'0' * 64}.lock").exists()


@pytest.mark.parametrize("left", [b"", b"half of a key"])
async def test_a_truncated_key_is_replaced_and_validates_no_artifact(
    tmp_path: Path, wasm: Path, compilations: list[Path], left: bytes
) -> None:
    root = tmp_path / "a"
    await ArtifactStore(root).path(wasm, guests.sha256(wasm))
    (root / "host.key").write_bytes(left)
    (root / "host.tmp").write_bytes(b"of a killed process")
    await ArtifactStore(root).path(wasm, guests.sha256(wasm))
    key = (root / "host.key").read_bytes()
    assert len(key) == 32 and (root / "host.key").stat().st_mode & 0o777 == 0o600
    await ArtifactStore(root).path(wasm, guests.sha256(wasm))
    assert (root / "host.key").read_bytes() == key
    assert len(compilations) == 2


async def test_the_folder_stays_within_its_size_and_evicts_the_least_recently_used(tmp_path: Path, wasm: Path) -> None:
    others = [guests.assemble(module(RETURN, response=guests.response_record(status, None))) for status in (401, 402)]
    first = await ArtifactStore(tmp_path / "a").path(others[0], guests.sha256(others[0]))
    os.utime(first.with_suffix(".mac"), (1, 1))
    small = ArtifactStore(tmp_path / "a", max_disk_bytes=int(first.stat().st_size * 2.5))
    second = await small.path(others[1], guests.sha256(others[1]))
    third = await small.path(wasm, guests.sha256(wasm))
    assert not first.exists()
    assert second.exists() and third.exists()


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed."""
    names: list[str] = []
    real = artifacts._sha256

    def counting(file: Path) -> str:
        names.append(file.name)
        return real(file)

    monkeypatch.setattr(artifacts, "_sha256", counting)
    return names


async def test_an_artifact_that_was_verified_is_hashed_again_only_when_it_changed(
    tmp_path: Path, wasm: Path, compilations: list[Path], hashed: list[str]
) -> None:
    await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    store = ArtifactStore(tmp_path / "a")
    artifact = await store.path(wasm, guests.sha256(wasm))
    hashed.clear()
    for _ in range(3):
        assert await store.path(wasm, guests.sha256(wasm)) == artifact
    assert hashed == []
    os.utime(artifact.with_suffix(".mac"), (1, 1))  # another process may write the time of its use
    await store.path(wasm, guests.sha256(wasm))
    assert hashed == []
    assert artifact.with_suffix(".mac").stat().st_mtime > 1  # ours is written too
    os.utime(artifact)
    await store.path(wasm, guests.sha256(wasm))
    assert hashed == [artifact.name]
    assert len(compilations) == 1


@pytest.mark.parametrize("how", ["in place", "replaced", "removed"])
async def test_a_verified_artifact_that_changed_is_never_used(tmp_path: Path, wasm: Path, compilations: list[Path], how: str) -> None:
    await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    store = ArtifactStore(tmp_path / "a")
    artifact = await store.path(wasm, guests.sha256(wasm))
    whole, times = artifact.read_bytes(), artifact.stat()
    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    if how == "in place":
        artifact.write_bytes(changed)
    else:
        artifact.unlink()
    if how == "replaced":
        artifact.write_bytes(changed)
    if artifact.exists():  # the owner can set these times back
        os.utime(artifact, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert (await store.path(wasm, guests.sha256(wasm))).read_bytes() == whole
    assert len(compilations) == 2


async def test_an_artifact_of_the_compiler_process_loads_in_a_pooled_engine(tmp_path: Path, wasm: Path) -> None:
    from holdfast.engine.capi import PoolSizes

    artifact = await ArtifactStore(tmp_path / "a").path(wasm, guests.sha256(wasm))
    for pool in (None, PoolSizes(instances=4)):
        engine = NativeEngine(pool)
        component = NativeComponent.load(engine, artifact)
        assert "handler" in component.exports
        engine.close()


async def test_a_removed_artifact_leaves_no_files_and_is_compiled_again(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    store, sha256 = ArtifactStore(tmp_path / "a"), guests.sha256(wasm)
    await store.path(wasm, sha256)
    store.remove(sha256)
    assert [file.name for file in (tmp_path / "a").iterdir() if sha256 in file.name] == []
    await asyncio.gather(store.path(wasm, sha256), ArtifactStore(tmp_path / "a").path(wasm, sha256))
    assert len(compilations) == 2


async def test_a_component_that_is_being_compiled_is_not_removed(tmp_path: Path, wasm: Path, compilations: list[Path]) -> None:
    store, sha256 = ArtifactStore(tmp_path / "a"), guests.sha256(wasm)
    compiling = asyncio.create_task(store.path(wasm, sha256))
    await until(lambda: compilations)
    store.remove(sha256)
    assert (await compiling).exists() and (tmp_path / "a" / f"{sha256}.lock").exists()


async def test_who_waits_for_a_lock_whose_file_is_removed_takes_the_lock_of_the_next_file(tmp_path: Path) -> None:
    """Two processes would otherwise hold a lock of the same name."""
    file = tmp_path / "lock"
    with artifacts._locked(file) as first, artifacts._locked(file) as second:
        assert first() and not second()
        file.unlink()
        assert second()
        with artifacts._locked(file) as third:
            assert not third()
