"""`holdfast publish` on a data folder: what it prints, what it sends, what it rejects."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bundles.minisign_samples import KEY_ID, PUBLIC_KEY, SECRET_KEY
from tests.cli.command_runner import Done, json_result, write_extension

DATA = ("--data-dir", "data")
REQUESTED: dict[str, Any] = {"capabilities": ["cap:http.fetch", "cap:storage.kv"], "egress": ["api.example.com"]}

Command = Callable[..., Done]


def test_publish_builds_packs_and_publishes_a_folder_and_prints_its_requests(command: Command, tmp_path: Path, component: bytes) -> None:
    project = write_extension(tmp_path / "sample", component=component, **REQUESTED)
    done = command("publish", project, *DATA)
    assert done.returncode == 0, done.stderr
    bundle = project / "dist/bundle.tar.zst"
    assert done.stdout.splitlines()[0] == "Published Sample 1.0.0"
    for line in (
        "  name       Example.com.example.sample",
        "  signature  unsigned (development only)",
        f"  size       {bundle.stat().st_size:,} bytes",
        "  requests   cap:http.fetch, cap:storage.kv",
        "  calls      api.example.com",
    ):
        assert line in done.stdout.splitlines()
    assert done.stderr.endswith("Publishing\nChecking and compiling\n")
    assert json_result(command("list", "--json", *DATA)) == {"extensions": []}, "publishing installs nothing"
    assert list((tmp_path / "data/artifacts").glob("*.cwasm")), "the component is compiled for the runner"


def test_publish_with_install_also_installs_for_your_tenant(command: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages", **REQUESTED)
    result = json_result(command("publish", project, "--install", "--json", *DATA))
    assert result["install"]["registry_id"] == result["registry_id"]
    assert (result["install"]["granted"], result["install"]["egress"]) == (REQUESTED["capabilities"], REQUESTED["egress"])
    (listed,) = json_result(command("list", "--json", *DATA))["extensions"]
    assert listed["content_hash"] == result["content_hash"] == result["install"]["content_hash"]
    assert "Installed Sample 1.1.0" in command("publish", _version(tmp_path / "next", "1.1.0"), "--install", *DATA).stdout


def test_with_json_only_one_line_is_printed(command: Command, tmp_path: Path) -> None:
    done = command("publish", write_extension(tmp_path / "pages"), "--json", *DATA)
    assert done.stderr == "" and done.stdout.count("\n") == 1


def test_publish_sends_the_signature_next_to_the_bundle(command: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages")
    (tmp_path / "acme.pub").write_bytes(PUBLIC_KEY)
    (tmp_path / "acme.key").write_bytes(SECRET_KEY)
    command("keys", "trust", "acme.pub", *DATA)
    command("pack", project)
    bundle = project / "dist/bundle.tar.zst"
    rejected = command("publish", bundle, "--json", *DATA, HOLDFAST_ENVIRONMENT="production")
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "signature_missing")
    command("sign", bundle, "--key", "acme.key")
    result = json_result(command("publish", bundle, "--json", *DATA, HOLDFAST_ENVIRONMENT="production"))
    assert (result["signature"], result["signed_by"]) == ("signed", "acme")
    (version,) = json_result(command("versions", "com.example.sample", "--json", *DATA))["versions"]
    assert version["signing_key_id"] == KEY_ID


def test_a_version_is_published_once_and_a_wildcard_is_the_next_patch(command: Command, tmp_path: Path) -> None:
    assert json_result(command("publish", _version(tmp_path / "a", "1.0.*"), "--json", *DATA))["version"] == "1.0.0"
    assert json_result(command("publish", _version(tmp_path / "b", "1.0.*"), "--json", *DATA))["version"] == "1.0.1"
    again = command("publish", _version(tmp_path / "c", "1.0.1"), "--json", *DATA)
    assert (again.returncode, json.loads(again.stdout)["error"]) == (1, "EXTENSION_VERSION_ALREADY_EXISTS")


@pytest.mark.parametrize("named", ["nowhere", "nowhere.tar.zst", "some.txt"])
def test_a_source_that_is_not_an_extension_is_rejected_in_a_sentence(command: Command, tmp_path: Path, named: str) -> None:
    (tmp_path / "some.txt").write_text("text")
    rejected = command("publish", named, "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "nothing_to_install")


def test_a_component_that_cannot_run_leaves_nothing_published(command: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "broken", component=b"\0asm\1\0\0\0")
    assert command("publish", project, *DATA).returncode == 1
    unknown = command("versions", "com.example.sample", "--json", *DATA)
    assert unknown.returncode == 1 and "com.example.sample" in unknown.stderr


def _version(folder: Path, version: str) -> Path:
    return write_extension(folder, version=version)
