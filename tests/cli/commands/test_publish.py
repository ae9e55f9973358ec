"""`holdfast publish` on a data folder: what is told, what is taken along, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bundles.minisign_samples import KEY_ID, PUBLIC_KEY, SECRET_KEY
from tests.cli.command_runner import Done, told, write_extension

DATA = ("--data-dir", "data")
ASKS: dict[str, Any] = {"capabilities": ["cap:http.fetch", "cap:storage.kv"], "egress": ["api.example.com"]}

Command = Callable[..., Done]


def test_a_folder_is_built_packed_and_published_and_what_it_asks_for_is_told(command: Command, tmp_path: Path, component: bytes) -> None:
    project = write_extension(tmp_path / "sample", component=component, **ASKS)
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
    assert told(command("list", "--json", *DATA)) == {"extensions": []}, "publishing installs nothing"
    assert list((tmp_path / "data/artifacts").glob("*.cwasm")), "the component is compiled for the runner"


def test_with_install_it_is_installed_for_the_own_tenant_too(command: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages", **ASKS)
    answer = told(command("publish", project, "--install", "--json", *DATA))
    assert answer["install"]["registry_id"] == answer["registry_id"]
    assert (answer["install"]["granted"], answer["install"]["egress"]) == (ASKS["capabilities"], ASKS["egress"])
    (listed,) = told(command("list", "--json", *DATA))["extensions"]
    assert listed["content_hash"] == answer["content_hash"] == answer["install"]["content_hash"]
    assert "Installed Sample 1.1.0" in command("publish", _version(tmp_path / "next", "1.1.0"), "--install", *DATA).stdout


def test_with_json_nothing_is_said_beside_the_one_line(command: Command, tmp_path: Path) -> None:
    done = command("publish", write_extension(tmp_path / "pages"), "--json", *DATA)
    assert done.stderr == "" and done.stdout.count("\n") == 1


def test_a_bundle_is_published_with_the_signature_beside_it(command: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages")
    (tmp_path / "acme.pub").write_bytes(PUBLIC_KEY)
    (tmp_path / "acme.key").write_bytes(SECRET_KEY)
    command("keys", "trust", "acme.pub", *DATA)
    command("pack", project)
    bundle = project / "dist/bundle.tar.zst"
    refused = command("publish", bundle, "--json", *DATA, HOLDFAST_ENVIRONMENT="production")
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "signature_missing")
    command("sign", bundle, "--key", "acme.key")
    answer = told(command("publish", bundle, "--json", *DATA, HOLDFAST_ENVIRONMENT="production"))
    assert (answer["signature"], answer["signed_by"]) == ("signed", "acme")
    (version,) = told(command("versions", "com.example.sample", "--json", *DATA))["versions"]
    assert version["signing_key_id"] == KEY_ID


def test_a_version_is_published_once_and_a_wildcard_is_the_next_patch(command: Command, tmp_path: Path) -> None:
    assert told(command("publish", _version(tmp_path / "a", "1.0.*"), "--json", *DATA))["version"] == "1.0.0"
    assert told(command("publish", _version(tmp_path / "b", "1.0.*"), "--json", *DATA))["version"] == "1.0.1"
    again = command("publish", _version(tmp_path / "c", "1.0.1"), "--json", *DATA)
    assert (again.returncode, json.loads(again.stdout)["error"]) == (1, "EXTENSION_VERSION_ALREADY_EXISTS")


@pytest.mark.parametrize("named", ["nowhere", "nowhere.tar.zst", "some.txt"])
def test_what_is_no_extension_is_refused_in_a_sentence(command: Command, tmp_path: Path, named: str) -> None:
    (tmp_path / "some.txt").write_text("text")
    refused = command("publish", named, "--json", *DATA)
    assert (refused.returncode, json.loads(refused.stdout)["error"]) == (1, "nothing_to_install")


def test_a_component_that_cannot_run_leaves_nothing_published(command: Command, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "broken", component=b"\0asm\1\0\0\0")
    assert command("publish", project, *DATA).returncode == 1
    unknown = command("versions", "com.example.sample", "--json", *DATA)
    assert unknown.returncode == 1 and "com.example.sample" in unknown.stderr


def _version(folder: Path, version: str) -> Path:
    return write_extension(folder, version=version)
