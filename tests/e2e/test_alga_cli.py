"""The published command line works unchanged with a running platform: publish, install and uninstall with an API key."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from holdfast.bundles.archive.packing import pack
from tests.cli.command_runner import write_extension
from tests.e2e.published_cli import SOURCE, PublishedCli, install
from tests.e2e.running_platform import RunningPlatform
from tests.runner import guests

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"


@pytest.fixture(scope="module")
def alga(platform: RunningPlatform) -> PublishedCli:
    return PublishedCli(install(), platform.console, platform.api_key, platform.tenant)


def registry_id_in(text: str) -> str:
    found = re.search(rf"registry.*?({UUID})", text, re.I | re.S)
    assert found, text
    return found[1]


def installs_of(platform: RunningPlatform, name: str) -> list[dict[str, object]]:
    with platform.client() as client:
        listed = client.get("/api/v1/extensions").json()["extensions"]
    return [one for one in listed if one["name"] == name]


def test_the_package_is_pinned_by_version_and_hash_and_names_no_host() -> None:
    assert json.loads((SOURCE / "package.json").read_text())["dependencies"] == {
        "@alga-psa/cli": "0.2.0",
        "@alga-psa/extension-runtime": "0.3.0",
    }
    text = (SOURCE / "package-lock.json").read_text()
    locked = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert locked["node_modules/@alga-psa/cli"]["version"] == "0.2.0"
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert "http" not in text


def test_a_folder_is_built_packed_published_and_installed_then_uninstalled_and_installed_again(
    platform: RunningPlatform, alga: PublishedCli, tmp_path: Path
) -> None:
    project = write_extension(
        tmp_path / "folder", component=guests.fine().read_bytes(), name="com.example.published-folder", publisher="published"
    )
    published = alga.run("extension", "publish", project)
    assert published.returncode == 0, published.stdout + published.stderr
    registry_id = registry_id_in(published.stdout + published.stderr)
    (install,) = installs_of(platform, "com.example.published-folder")
    assert (install["registryId"], install["version"], install["isEnabled"]) == (registry_id, "1.0.0", True)

    removed = alga.run("extension", "uninstall", registry_id)
    assert removed.returncode == 0, removed.stdout + removed.stderr
    assert installs_of(platform, "com.example.published-folder") == []

    again = alga.run("extension", "install", registry_id, "--version", "1.0.0")
    assert again.returncode == 0, again.stdout + again.stderr
    assert len(installs_of(platform, "com.example.published-folder")) == 1


def test_a_bundle_with_a_component_is_published_and_responds(platform: RunningPlatform, alga: PublishedCli, tmp_path: Path) -> None:
    project = write_extension(
        tmp_path / "answers", component=guests.fine().read_bytes(), name="com.example.published-answers", publisher="published"
    )
    shutil.copyfile(pack(project).path, project / "bundle.tar.zst")
    published = alga.run("extension", "publish", project / "bundle.tar.zst")
    assert published.returncode == 0, published.stdout + published.stderr
    registry_id = registry_id_in(published.stdout + published.stderr)
    with platform.client() as client:
        response = client.get(f"/api/ext/{registry_id}/ping")
    assert (response.status_code, response.text) == (200, "ok")


def test_publishing_a_version_again_is_rejected_with_a_sentence(platform: RunningPlatform, alga: PublishedCli, tmp_path: Path) -> None:
    project = write_extension(
        tmp_path / "twice", component=guests.fine().read_bytes(), name="com.example.published-twice", publisher="published"
    )
    assert alga.run("extension", "publish", project, "--no-install").returncode == 0
    (project / "ui" / "index.html").write_text("<!doctype html><title>Other</title>")
    (project / "dist" / "bundle.tar.zst").unlink()
    again = alga.run("extension", "publish", project, "--no-install")
    assert again.returncode != 0
    output = again.stdout + again.stderr
    assert "409" in output and "1.0.0" in output, output


def test_a_component_that_cannot_run_is_not_published(platform: RunningPlatform, alga: PublishedCli, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "broken", component=b"no component", name="com.example.published-broken", publisher="published")
    shutil.copyfile(pack(project).path, project / "bundle.tar.zst")
    rejected = alga.run("extension", "publish", project / "bundle.tar.zst")
    assert rejected.returncode != 0
    assert "422" in rejected.stdout + rejected.stderr
    assert installs_of(platform, "com.example.published-broken") == []


@pytest.mark.parametrize("key", ["", "hf_" + "x" * 43, "anything"])
def test_without_a_valid_key_nothing_is_published(platform: RunningPlatform, alga: PublishedCli, tmp_path: Path, key: str) -> None:
    project = write_extension(
        tmp_path / "without-key", component=guests.fine().read_bytes(), name="com.example.published-without-key", publisher="published"
    )
    rejected = alga.run("extension", "publish", project, ALGA_API_KEY=key)
    assert rejected.returncode != 0
    with platform.client() as client:
        assert client.get("/api/v1/publications/published.com.example.published-without-key/latest").status_code == 404
