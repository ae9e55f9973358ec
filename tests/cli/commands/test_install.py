"""`holdfast install`, `list`, `pack` and `uninstall` as processes: what they record, and their error messages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bundles.minisign_samples import KEY_ID, PUBLIC_KEY, SECRET_KEY
from tests.cli.command_runner import Done, run, write_extension
from tests.engine.guests import assemble

DATA = ("--data-dir", "data")


def test_installing_prints_the_ids_the_hash_and_the_page(tmp_path: Path, extension: Path) -> None:
    done = run("install", extension, "--json", *DATA, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result) == [
        *("registry_id", "version_id", "install_id", "publisher", "name", "version"),
        *("content_hash", "signature", "signed_by", "granted", "egress", "url", "unset"),
    ]
    assert (result["signature"], result["signed_by"]) == ("unsigned", None)
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", result["content_hash"])
    assert result["url"] == f"http://localhost:3000/msp/extensions/{result['registry_id']}/"
    assert list((tmp_path / "data" / "artifacts").glob("*.cwasm")), "the component is compiled for the runner"
    listed = json.loads(run("list", "--json", *DATA, cwd=tmp_path).stdout)["extensions"]
    assert [(one["name"], one["content_hash"], one["url"]) for one in listed] == [
        ("com.example.sample", result["content_hash"], result["url"])
    ]


def test_installing_again_returns_the_same_ids_and_hash(tmp_path: Path, extension: Path) -> None:
    first = run("install", extension, "--json", *DATA, cwd=tmp_path)
    assert run("install", extension, "--json", *DATA, cwd=tmp_path).stdout == first.stdout != ""


def test_install_accepts_a_bundle_instead_of_a_folder(tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages")
    packed = json.loads(run("pack", project, "--out", "out/some.tar.zst", "--json", cwd=tmp_path).stdout)
    assert sorted(file["name"] for file in packed["files"]) == ["manifest.json", "ui/index.html"]
    result = json.loads(run("install", "out/some.tar.zst", "--json", *DATA, cwd=tmp_path).stdout)
    assert result["content_hash"] == f"sha256:{packed['sha256']}"


def test_install_sends_the_signature_next_to_a_bundle_and_production_requires_one(command: Callable[..., Done], tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages")
    (tmp_path / "acme.pub").write_bytes(PUBLIC_KEY)
    (tmp_path / "acme.key").write_bytes(SECRET_KEY)
    command("keys", "trust", "acme.pub", *DATA)
    command("pack", project)
    bundle = project / "dist/bundle.tar.zst"
    rejected = run("install", bundle, "--json", *DATA, cwd=tmp_path, HOLDFAST_ENVIRONMENT="production")
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "signature_missing")
    assert json.loads(run("list", "--json", *DATA, cwd=tmp_path).stdout)["extensions"] == []
    assert "signature  unsigned (development only)\n" in run("install", bundle, *DATA, cwd=tmp_path).stdout
    command("sign", bundle, "--key", "acme.key")
    done = run("install", bundle, *DATA, cwd=tmp_path, HOLDFAST_ENVIRONMENT="production")
    assert f"signature  signed by acme ({KEY_ID})\n" in done.stdout, done.stderr
    (listed,) = json.loads(run("list", "--json", *DATA, cwd=tmp_path).stdout)["extensions"]
    assert listed["signing_key_id"] == KEY_ID
    (tmp_path / "pages/dist/bundle.tar.zst.minisig").write_text("nonsense")
    wrong = run("install", bundle, "--json", *DATA, cwd=tmp_path)
    assert json.loads(wrong.stdout)["error"] == "signature_invalid"


def test_an_uninstalled_extension_is_not_listed(tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages")
    assert run("install", project, *DATA, cwd=tmp_path).returncode == 0
    assert "com.example.sample" in run("list", *DATA, cwd=tmp_path).stdout
    removed = run("uninstall", "com.example.sample", *DATA, cwd=tmp_path)
    assert removed.stdout.startswith("Uninstalled com.example.sample 1.0.0\n")
    assert json.loads(run("list", "--json", *DATA, cwd=tmp_path).stdout) == {"extensions": []}
    again = run("uninstall", "com.example.sample", *DATA, cwd=tmp_path)
    assert again.returncode == 1
    assert "com.example.sample is not installed" in again.stderr


def _no_manifest(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _malformed(folder: Path) -> Path:
    return write_extension(folder, version=7)


def _not_json(folder: Path) -> Path:
    project = write_extension(folder)
    (project / "manifest.json").write_text("{")
    return project


def _unknown_capability(folder: Path) -> Path:
    return write_extension(folder, capabilities=["cap:everything"])


def _unbuilt(folder: Path) -> Path:
    return write_extension(folder, api={"endpoints": [{"method": "GET", "path": "/ping", "handler": "dist/main"}]})


def _not_a_component(folder: Path) -> Path:
    return write_extension(folder, component=b"\0asm\1\0\0\0")


def _without_handler(folder: Path) -> Path:
    wit = folder.with_suffix(".wit")
    wit.write_text("package test:empty;\nworld idle {}\n")
    core = '(module (memory (export "memory") 1))'
    return write_extension(folder, component=assemble(core, world_name="idle", wit=wit).read_bytes())


def _absent(folder: Path) -> Path:
    return folder


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_absent, ["does not exist", "manifest.json"]),
        (_no_manifest, ["has no manifest.json"]),
        (_not_json, ["manifest.json"]),
        (_malformed, ["version"]),
        (_unknown_capability, ["cap:everything"]),
        (_unbuilt, ["handler"]),
        (_not_a_component, ["component"]),
        (_without_handler, ["handler"]),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_an_extension_that_cannot_be_installed_is_an_error_in_one_sentence(tmp_path: Path, make: object, words: list[str]) -> None:
    assert callable(make)
    rejected = run("install", make(tmp_path / "project"), "--json", *DATA, cwd=tmp_path)
    assert rejected.returncode == 1
    result = json.loads(rejected.stdout)
    assert result["message"] in rejected.stderr and all(word in rejected.stderr for word in words), rejected.stderr
    assert "Traceback" not in rejected.stderr and result["error"] != "unexpected"
