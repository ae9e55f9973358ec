"""Any archive is unpacked to a plain folder with exactly the packed files, or it is rejected."""

from __future__ import annotations

import re
import stat
import tarfile
from pathlib import Path, PurePosixPath

import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.archive.reader import list_entries, unpack
from tests.bundles.archives import Member, compressed, regular, special, tar_bytes
from tests.bundles.memory_disk import memory_folder
from tests.session.effort import repetitions

LIMITS = ArchiveLimits(compressed=1_000_000, expanded=2_000_000, entries=40)

_SEGMENTS = st.sampled_from(
    ["ui", "dist", "a", "A", "ß", "ss", "é", "e\u0301", "index.html", ".", "..", "", ".ready", "._a", ".DS_Store", "\\", "x\ny", "n" * 60]
)
_NAMES = st.one_of(
    st.lists(st.sampled_from(["ui", "dist", "a", "b", "c.js", "d.css"]), min_size=1, max_size=4).map("/".join),
    st.lists(_SEGMENTS, min_size=1, max_size=6).map("/".join),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40),
    st.text("ab/", min_size=250, max_size=262),
)
_CONTENT = st.one_of(st.binary(max_size=20), st.integers(500, 3_000).map(bytes))
_FILES = st.builds(regular, _NAMES, _CONTENT)
_KINDS = [tarfile.DIRTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
_OTHERS = st.builds(special, _NAMES, st.sampled_from(_KINDS), _NAMES)
_FORMATS = st.sampled_from([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])


def plain(root: Path) -> dict[str, bytes]:
    """Every file below a folder that contains only files and folders."""
    found = {}
    for path in root.rglob("*"):
        mode = path.lstat().st_mode
        assert stat.S_ISREG(mode) or stat.S_ISDIR(mode)
        if stat.S_ISREG(mode):
            found[path.relative_to(root).as_posix()] = path.read_bytes()
    return found


@settings(max_examples=repetitions(200, long=5_000))
@given(st.lists(st.one_of(_FILES, _FILES, _FILES, _OTHERS), max_size=8), _FORMATS)
def test_an_archive_is_unpacked_below_its_folder_or_rejected(members: list[Member], tar_format: int) -> None:
    with memory_folder() as folder:
        archive = compressed(folder / "b.tar.zst", tar_bytes(members, tar_format))
        target = folder / "into/out"
        try:
            output = unpack(archive, target, LIMITS)
        except ExtractFailed:
            assert {path.name for path in folder.iterdir()} <= {"b.tar.zst", "into"}
            assert [path.name for path in (folder / "into").iterdir()] == ["out"]
            return
        found = plain(target)
        assert {name: len(content) for name, content in found.items()} == {name: entry.size for name, entry in output.items()}
        assert len({name.casefold() for name in found}) == len(found)
        for name in found:
            assert not PurePosixPath(name).is_absolute()
            assert not any(segment.startswith(".") for segment in name.split("/"))
            assert len(name.encode()) <= 255
        packed = {re.sub(r"^(\./)+", "", member.name): content for member, content in members if member.isreg()}
        assert found == {name: packed[name] for name in found}
        # What is missing is what macOS leaves; nothing else is dropped in silence.
        assert all(name.rpartition("/")[2].startswith((".DS_Store", "._")) for name in packed.keys() - found.keys())
        assert list_entries(archive, LIMITS) == [(name, output[name].size) for name in output]


@settings(max_examples=repetitions(100, long=2_000))
@given(st.binary(max_size=3_000), st.booleans())
def test_random_bytes_are_rejected(data: bytes, as_tar: bool) -> None:
    with memory_folder() as folder:
        archive = folder / "b.tar.zst"
        archive.write_bytes(zstandard.compress(data) if as_tar else data)
        try:
            unpack(archive, folder / "out", LIMITS)
        except ExtractFailed:
            return
        raise AssertionError("taken")
