"""Archives are unpacked completely or rejected."""

from __future__ import annotations

import io
import tarfile
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from holdfast.bundles.archive.errors import ExtractFailed
from holdfast.bundles.archive.limits import ArchiveLimits
from holdfast.bundles.archive.reader import list_entries, read_bundle_manifest, read_component, unpack
from holdfast.bundles.manifest.parsing.errors import ManifestError, ManifestMissing
from tests.bundles.archives import MANIFEST, archive, bundle, compressed, regular, special, tar_bytes


@pytest.mark.parametrize("tar_format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_unpacked_files_equal_the_packed_ones(tmp_path: Path, tar_format: int) -> None:
    deep = "ui/" + "/".join(["assets" * 5] * 5) + "/app.js"
    path = archive(
        tmp_path / "b.tar.zst",
        regular("manifest.json", MANIFEST),
        regular(deep, b"1" * 3_000_000),
        regular("ui/empty", b""),
        tar_format=tar_format,
    )
    unpack(path, tmp_path / "out")
    assert (tmp_path / "out/manifest.json").read_bytes() == MANIFEST
    assert (tmp_path / "out" / deep).read_bytes() == b"1" * 3_000_000
    assert (tmp_path / "out/ui/empty").read_bytes() == b""


def test_a_large_file_is_never_completely_in_memory(tmp_path: Path) -> None:
    path = archive(tmp_path / "b.tar.zst", regular("ui/large.bin", bytes(40_000_000)))
    tracemalloc.start()
    try:
        unpack(path, tmp_path / "out")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out/ui/large.bin").stat().st_size == 40_000_000
    assert peak < 8_000_000


def test_names_that_tar_writes_are_accepted(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "b.tar.zst",
        special("./", tarfile.DIRTYPE),
        regular("./manifest.json", MANIFEST),
        special("./ui/", tarfile.DIRTYPE),
        regular("./ui/ü.js"),
    )
    assert list_entries(path) == [("manifest.json", len(MANIFEST)), ("ui/ü.js", 1)]


def test_a_global_header_of_git_archive_is_skipped(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": "0" * 40}) as tar:
        tar.addfile(*((member, io.BytesIO(content)) for member, content in [regular("manifest.json", MANIFEST)]).__next__())
    assert list_entries(compressed(tmp_path / "b.tar.zst", buffer.getvalue())) == [("manifest.json", len(MANIFEST))]


def test_files_that_macos_adds_are_skipped(tmp_path: Path) -> None:
    path = archive(tmp_path / "b.tar.zst", regular("._manifest.json"), regular("ui/.DS_Store"), regular("ui/index.html"))
    assert list_entries(path) == [("ui/index.html", 1)]


@pytest.mark.parametrize(
    "name",
    [
        "/etc/passwd",
        "../secret",
        "ui/../../secret",
        "ui/..",
        "ui/./x",
        ".env",
        "ui/.git/config",
        "bundle/.ready",
        "ui\\..\\secret",
        "ui/a\nb",
        "ui/a\x7fb",
        "ui//x",
        "ui/" + "x" * 253,
        "./../secret",
        ".DS_Store/x",
    ],
)
def test_a_name_that_leads_elsewhere_or_hides_is_rejected(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "b.tar.zst", regular("manifest.json", MANIFEST), regular(name))
    with pytest.raises(ExtractFailed):
        unpack(path, tmp_path / "into/out")
    assert {item.name for item in tmp_path.iterdir()} == {"b.tar.zst", "into"}


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, b"S", b"Z"]
)
def test_only_regular_files_are_accepted(tmp_path: Path, kind: bytes) -> None:
    path = archive(tmp_path / "b.tar.zst", regular("manifest.json", MANIFEST), special("ui/link", kind, "../manifest.json"))
    with pytest.raises(ExtractFailed):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize(
    "names",
    [("a.js", "a.js"), ("a.js", "A.js"), ("ui/strasse", "ui/straße"), ("ui", "ui/index.html"), ("ui/index.html", "UI"), ("./a.js", "a.js")],
)
def test_two_members_with_one_name_are_rejected(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(ExtractFailed, match=r"twice|differ only in upper and lower case"):
        list_entries(archive(tmp_path / "b.tar.zst", *(regular(name) for name in names)))


@pytest.mark.parametrize("name", [".", "./.", "././"])
def test_a_file_with_the_name_of_the_root_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExtractFailed):
        list_entries(archive(tmp_path / "b.tar.zst", regular("manifest.json", MANIFEST), regular(name)))


def test_a_name_that_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    member, content = regular("ui/\udcff")
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        tar.addfile(member, io.BytesIO(content))
    with pytest.raises(ExtractFailed):
        list_entries(compressed(tmp_path / "b.tar.zst", raw.getvalue()))


@pytest.mark.parametrize("data", [b"", b"not zstd at all", b"\x28\xb5\x2f\xfd" + b"\xff" * 40])
def test_data_that_is_not_a_zstd_stream_is_rejected(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "b.tar.zst"
    path.write_bytes(data)
    with pytest.raises(ExtractFailed):
        list_entries(path)


def test_a_zstd_stream_that_is_not_a_tar_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ExtractFailed, match="not a tar"):
        list_entries(compressed(tmp_path / "b.tar.zst", b"plain text " * 200))


def test_a_truncated_archive_is_rejected_at_every_length(tmp_path: Path) -> None:
    whole = tar_bytes([regular("manifest.json", MANIFEST), regular("ui/index.html", b"y" * 600)])
    for length in range(0, 512 * 5 + 1, 256):
        with pytest.raises(ExtractFailed):
            list_entries(compressed(tmp_path / "b.tar.zst", whole[:length]))
    data = zstandard.ZstdCompressor().compress(whole)
    (tmp_path / "b.tar.zst").write_bytes(data[: len(data) // 2])
    with pytest.raises(ExtractFailed):
        list_entries(tmp_path / "b.tar.zst")


def test_garbage_after_the_first_member_is_rejected(tmp_path: Path) -> None:
    whole = tar_bytes([regular("manifest.json", MANIFEST)])
    with pytest.raises(ExtractFailed):
        list_entries(compressed(tmp_path / "b.tar.zst", whole[:1024] + b"garbage" * 200))


def test_an_archive_without_files_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ExtractFailed, match="no files"):
        unpack(archive(tmp_path / "b.tar.zst", special("ui/", tarfile.DIRTYPE)), tmp_path / "out")


def test_a_bomb_stops_at_the_ratio_long_before_it_is_expanded(tmp_path: Path) -> None:
    path = archive(tmp_path / "b.tar.zst", regular("ui/zeros.js", bytes(8_000_000)))
    limits = ArchiveLimits(ratio_from=1_000_000)
    with pytest.raises(ExtractFailed, match="100 times"):
        unpack(path, tmp_path / "out", limits)
    assert sum(file.stat().st_size for file in (tmp_path / "out").rglob("*.js")) <= 2_000_000


def test_a_real_bomb_is_rejected_with_the_default_limits(tmp_path: Path) -> None:
    with pytest.raises(ExtractFailed):
        list_entries(archive(tmp_path / "b.tar.zst", *(regular(f"ui/{index}.js", bytes(30_000_000)) for index in range(3))))


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (ArchiveLimits(expanded=10_000), "expands to more than 10000 bytes"),
        (ArchiveLimits(compressed=100), "the limit is 100"),
        (ArchiveLimits(entries=2), "more than 2 entries"),
    ],
)
def test_each_limit_is_reached(tmp_path: Path, limits: ArchiveLimits, words: str) -> None:
    path = archive(tmp_path / "b.tar.zst", *(regular(f"ui/{index}.js", bytes(range(256)) * 20) for index in range(3)))
    assert len(list_entries(path)) == 3
    with pytest.raises(ExtractFailed, match=words):
        list_entries(path, limits)


def test_too_many_extension_headers_are_rejected(tmp_path: Path) -> None:
    header = tarfile.TarInfo("x")
    header.type = tarfile.XGLTYPE
    with pytest.raises(ExtractFailed, match="entries"):
        list_entries(compressed(tmp_path / "b.tar.zst", header.tobuf() * 20), ArchiveLimits(entries=3))


@pytest.mark.parametrize(
    "record", [b"9999 path=x\n", b"x path=x\n", b"10 path=ab\n", b"14 size=-00512\n", b"25 GNU.sparse.realsize=9\n", b"0 \n", b"8 path=x"]
)
def test_a_damaged_extension_header_is_rejected(tmp_path: Path, record: bytes) -> None:
    header = tarfile.TarInfo("x")
    header.type, header.size = tarfile.XHDTYPE, len(record)
    data = header.tobuf() + record.ljust(512, b"\0") + tar_bytes([regular("manifest.json", MANIFEST)])
    with pytest.raises(ExtractFailed):
        list_entries(compressed(tmp_path / "b.tar.zst", data))


def test_a_window_larger_than_the_limit_is_rejected(tmp_path: Path) -> None:
    data = tar_bytes([regular("ui/a.bin", bytes(range(256)) * 12_000)])
    parameters = zstandard.ZstdCompressionParameters(window_log=21, write_content_size=False)
    out = io.BytesIO()
    with zstandard.ZstdCompressor(compression_params=parameters).stream_writer(out, closefd=False) as writer:
        writer.write(data)
    (tmp_path / "b.tar.zst").write_bytes(out.getvalue())
    assert list_entries(tmp_path / "b.tar.zst")
    with pytest.raises(ExtractFailed):
        list_entries(tmp_path / "b.tar.zst", ArchiveLimits(window=1024 * 1024))


def test_the_manifest_is_the_one_at_the_root(tmp_path: Path) -> None:
    path = archive(tmp_path / "b.tar.zst", regular("ui/manifest.json", b"{}"), regular("manifest.json", MANIFEST))
    assert read_bundle_manifest(path).name == "com.example.notes"


def test_a_bundle_without_a_manifest_at_its_root_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ManifestMissing, match=r"manifest\.json"):
        read_bundle_manifest(archive(tmp_path / "b.tar.zst", regular("notes/manifest.json", MANIFEST)))


def test_the_error_of_an_invalid_manifest_names_the_field(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="version"):
        read_bundle_manifest(bundle(tmp_path / "b.tar.zst", {"manifest.json": b'{"name": "a", "runtime": "wasm-js@1", "version": "one"}'}))


def test_the_component_is_written_alone(tmp_path: Path) -> None:
    path = bundle(tmp_path / "b.tar.zst", {"dist/main.wasm": b"\0asm"})
    found = read_component(path, tmp_path / "out")
    assert found == tmp_path / "out/dist/main.wasm"
    assert found is not None and found.read_bytes() == b"\0asm"
    assert [file for file in (tmp_path / "out").rglob("*") if file.is_file()] == [found]


def test_a_bundle_of_pages_only_has_no_component(tmp_path: Path) -> None:
    assert read_component(bundle(tmp_path / "b.tar.zst"), tmp_path / "out") is None
