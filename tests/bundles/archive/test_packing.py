"""A project is packed to the same bytes every time, and never to a bundle that the runner would reject."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundles.archive import packing
from holdfast.bundles.archive.layout import BUILD_RECORD
from holdfast.bundles.archive.packing import PackFailed, pack
from holdfast.bundles.archive.reader import unpack
from holdfast.bundles.manifest.parsing.errors import ManifestError, ManifestMissing

ENDPOINTS = {"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]}


def project(folder: Path, files: dict[str, bytes], **fields: Any) -> Path:
    manifest = {"name": "com.example.notes", "version": "1.0.0", "runtime": "wasm-js@1"} | fields
    for name, content in {"manifest.json": json.dumps(manifest).encode(), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_the_same_files_produce_the_same_bytes(tmp_path: Path) -> None:
    files = {"ui/index.html": b"<p>", "ui/b.js": b"b", "ui/a/x.js": b"x", "dist/main.wasm": b"\0asm"}
    first = project(tmp_path / "one", files)
    second = project(tmp_path / "elsewhere/two", dict(reversed(files.items())))
    for path in second.rglob("*"):
        os.utime(path, (1, 1))
        path.chmod(0o700)
    one, two = pack(first), pack(second)
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.sha256 == two.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest()


def test_the_bytes_are_those_of_every_machine_with_the_pinned_libraries(tmp_path: Path) -> None:
    """The expected hash is fixed. A new libzstd may change it; then this test fails, and a release note must mention it."""
    generator = random.Random(4)
    files = {
        "ui/index.html": b"<!doctype html><title>Notes</title>" * 40,
        "ui/assets/app.js": bytes(generator.choices(b"abcdefgh \n", k=300_000)),
        "dist/main.wasm": generator.randbytes(200_000),
    }
    command = f"""
import os, sys
from pathlib import Path
from holdfast.bundles.archive.packing import pack
os.umask(0o077)
print(pack(Path({str(project(tmp_path, files))!r})).sha256)
"""
    for variables in ({"TZ": "Pacific/Kiritimati", "LC_ALL": "C", "PYTHONHASHSEED": "1"}, {"TZ": "UTC", "LC_ALL": "C.UTF-8"}):
        done = subprocess.run(
            [sys.executable, "-c", command], env=os.environ | variables, cwd="/", capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "a05329ad1d7f8654dfcbc4a800e10af356ea9d998566f382ab86bc953ebcb02c"


def test_the_hash_is_written_next_to_the_bundle(tmp_path: Path) -> None:
    report = pack(project(tmp_path, {"ui/index.html": b"<p>"}))
    assert report.path == tmp_path / "dist/bundle.tar.zst"
    assert (tmp_path / "dist/bundle.sha256").read_text() == f"{report.sha256}\n"
    assert report.size_bytes == report.path.stat().st_size


def test_a_bundle_with_another_name_has_its_own_hash_file(tmp_path: Path) -> None:
    report = pack(project(tmp_path / "p", {"ui/index.html": b"<p>"}), tmp_path / "out/notes.tar.zst")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["notes.tar.zst", "notes.tar.zst.sha256"]
    assert report.path == tmp_path / "out/notes.tar.zst"


def test_packing_again_replaces_the_bundle_and_leaves_nothing_else(tmp_path: Path) -> None:
    folder = project(tmp_path, {"ui/index.html": b"one"})
    before = pack(folder).sha256
    (folder / "ui/index.html").write_bytes(b"two")
    assert pack(folder).sha256 != before
    assert sorted(path.name for path in (folder / "dist").iterdir()) == ["bundle.sha256", "bundle.tar.zst"]


def test_sources_dot_files_and_packages_are_not_packed(tmp_path: Path) -> None:
    folder = project(
        tmp_path,
        {
            "ui/index.html": b"",
            "ui/app.js": b"",
            "ui/app.ts": b"",
            "ui/App.TSX": b"",
            "ui/.env": b"KEY=1",
            "ui/.git/config": b"",
            "ui/node_modules/x/index.js": b"",
            "src/a.js": b"",
        },
    )
    assert [name for name, _ in pack(folder).files] == ["manifest.json", "ui/app.js", "ui/index.html"]


@pytest.mark.parametrize(
    ("built", "expected"),
    [
        ({"dist/ui/index.html": b"built"}, b"built"),
        ({"ui/dist/index.html": b"built", "ui/src/app.js": b""}, b"built"),
        ({"ui/dist/other.html": b"no index here"}, b"plain"),
    ],
)
def test_built_pages_come_before_plain_ones(tmp_path: Path, built: dict[str, bytes], expected: bytes) -> None:
    report = pack(project(tmp_path / "p", {"ui/index.html": b"plain"} | built))
    unpack(report.path, tmp_path / "out")
    assert (tmp_path / "out/ui/index.html").read_bytes() == expected


def test_the_component_is_packed_once(tmp_path: Path) -> None:
    report = pack(project(tmp_path, {"dist/component.wasm": b"\0asm"}, api=ENDPOINTS))
    assert report.files == [("dist/main.wasm", 4), ("manifest.json", (tmp_path / "manifest.json").stat().st_size)]


def test_endpoints_without_a_component_are_rejected(tmp_path: Path) -> None:
    with pytest.raises(PackFailed, match=r"dist/main\.wasm") as caught:
        pack(project(tmp_path, {"ui/index.html": b""}, api=ENDPOINTS))
    assert caught.value.hint is not None and "holdfast build" in caught.value.hint


def test_a_missing_page_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(PackFailed, match=r"ui/panel\.html"):
        pack(project(tmp_path, {"ui/app.js": b""}, ui={"type": "iframe", "entry": "ui/panel.html"}))


def test_an_icon_outside_the_pages_is_packed_too(tmp_path: Path) -> None:
    report = pack(project(tmp_path, {"ui/index.html": b"", "icon.svg": b"<svg/>"}, icon="icon.svg"))
    assert ("icon.svg", 6) in report.files
    (tmp_path / "icon.svg").unlink()
    with pytest.raises(PackFailed, match="icon"):
        pack(tmp_path)


def test_a_link_is_rejected_by_name(tmp_path: Path) -> None:
    folder = project(tmp_path, {"ui/index.html": b""})
    (folder / "ui/passwd").symlink_to("/etc/passwd")
    with pytest.raises(PackFailed, match="ui/passwd is a link"):
        pack(folder)


def test_names_that_differ_only_in_case_are_rejected_and_the_old_bundle_stays(tmp_path: Path) -> None:
    folder = project(tmp_path, {"ui/index.html": b""})
    before = pack(folder).path.read_bytes()
    (folder / "ui/INDEX.html").write_bytes(b"")
    with pytest.raises(PackFailed, match=r"'ui/INDEX\.html' and 'ui/index\.html', which differ only in upper"):
        pack(folder)
    assert (folder / "dist/bundle.tar.zst").read_bytes() == before
    assert sorted(path.name for path in (folder / "dist").iterdir()) == ["bundle.sha256", "bundle.tar.zst"]


def test_a_page_whose_name_differs_in_case_is_not_the_entry(tmp_path: Path) -> None:
    with pytest.raises(PackFailed, match=r"the file is ui/Panel\.html"):
        pack(project(tmp_path, {"ui/Panel.html": b"", "ui/index.html": b""}, ui={"type": "iframe", "entry": "ui/panel.html"}))


def test_the_only_page_is_proposed_as_the_entry(tmp_path: Path) -> None:
    with pytest.raises(PackFailed) as caught:
        pack(project(tmp_path, {"ui/index.html": b""}, ui={"type": "iframe", "entry": "ui/panel.html"}))
    assert caught.value.hint == "Set it to ui/index.html."


@pytest.mark.parametrize("folder", ["dist/ui", "ui/dist"])
def test_the_entry_can_be_named_by_the_folder_of_the_built_pages(tmp_path: Path, folder: str) -> None:
    entry = {"type": "iframe", "entry": f"{folder}/index.html"}
    assert ("ui/index.html", 3) in pack(project(tmp_path, {f"{folder}/index.html": b"<p>"}, ui=entry)).files


def test_nothing_is_packed_after_a_failed_build(tmp_path: Path) -> None:
    record = {"dist/.holdfast-build.json": b'{"failed": "src/handler.ts cannot be built."}'}
    with pytest.raises(PackFailed, match=r"The last build failed: src/handler\.ts cannot be built\."):
        pack(project(tmp_path, {"ui/index.html": b"", "dist/main.wasm": b"\0asm", **record}))


def test_a_folder_without_a_manifest_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ManifestMissing):
        pack(tmp_path)


def test_an_invalid_manifest_is_rejected_before_anything_is_written(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ManifestError):
        pack(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


DEVELOPMENT_COMPONENT = b"\0asm ... holdfast:development/source@0.1.0 ..."


def test_a_bundle_contains_what_was_built_for_development_only_when_asked(tmp_path: Path) -> None:
    built = {"dist/development/main.wasm": DEVELOPMENT_COMPONENT, "dist/development/handler.js": b"code", "dist/main.wasm": b"\0asm"}
    folder = project(tmp_path, built, api=ENDPOINTS)
    ordinary, development = pack(folder), pack(folder, development=True)
    assert [name for name, _ in ordinary.files] == ["dist/main.wasm", "manifest.json"]
    assert [name for name, _ in development.files] == ["development/handler.js", "dist/main.wasm", "manifest.json"]
    assert (ordinary.path, development.path) == (folder / "dist/bundle.tar.zst", folder / "dist/development/bundle.tar.zst")
    unpack(development.path, tmp_path / "unpacked")
    assert (tmp_path / "unpacked/dist/main.wasm").read_bytes() == DEVELOPMENT_COMPONENT


def test_without_a_build_for_development_the_component_is_the_ordinary_one(tmp_path: Path) -> None:
    folder = project(tmp_path, {"dist/main.wasm": b"\0asm", "dist/development/handler.js": b"code"}, api=ENDPOINTS)
    assert [name for name, _ in pack(folder, development=True).files] == ["dist/main.wasm", "manifest.json"]


def test_the_development_component_is_never_packed_as_the_extension(tmp_path: Path) -> None:
    folder = project(tmp_path, {"dist/main.wasm": DEVELOPMENT_COMPONENT}, api=ENDPOINTS)
    with pytest.raises(PackFailed, match="`holdfast dev`"):
        pack(folder)


def test_the_same_files_are_not_packed_again_and_any_other_content_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project(tmp_path, {"ui/index.html": b"one", "dist/main.wasm": b"\0asm", BUILD_RECORD: b"{}"})
    first = pack(folder)
    stamps = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}

    def unexpected(*arguments: object) -> None:
        raise AssertionError("packed again")

    with monkeypatch.context() as within:
        within.setattr(packing, "_write_archive", unexpected)
        assert pack(folder) == first
        for name, content in (("ui/index.html", b"two"), ("dist/main.wasm", b"\0asn"), ("dist/bundle.tar.zst", b"broken")):
            before = (folder / name).read_bytes()
            (folder / name).write_bytes(content)
            # Times say nothing: a file can be replaced within one tick of the clock.
            os.utime(folder / name, ns=(stamps[folder / name], stamps[folder / name]))
            with pytest.raises(AssertionError, match="packed again"):
                pack(folder)
            (folder / name).write_bytes(before)
        (folder / "ui" / "new.js").write_bytes(b"new")
        with pytest.raises(AssertionError, match="packed again"):
            pack(folder)
    (folder / "ui" / "new.js").unlink()
    assert pack(folder) == first


def test_a_manifest_that_changed_is_validated_again(tmp_path: Path) -> None:
    folder = project(tmp_path, {"ui/index.html": b"one", BUILD_RECORD: b"{}"})
    pack(folder)
    (folder / "manifest.json").write_bytes(b'{"name": 1}')
    with pytest.raises(ManifestError):
        pack(folder)
