"""Calls from outside through gateway and runner to handlers built from source: their responses, and what their failures do not affect."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.running_platform import RunningPlatform
from tests.waiting import wait_until

WITH_HANDLER = ["com.holdfast.sample.notes", "com.holdfast.sample.notes-python"]


@pytest.mark.parametrize("extension", WITH_HANDLER)
def test_the_guides_curl_gets_the_response_of_the_handler(platform: RunningPlatform, extension: str) -> None:
    with platform.client() as client:
        created = client.post(f"/api/ext/{extension}/notes", content=b'{"data":"test"}')
        assert created.status_code == 201
        assert created.headers["content-type"].startswith("application/json")
        note = created.json()
        assert note["text"] == "test"
        assert note["author"] == "Development Administrator"
        listed = client.get(f"/api/ext/{extension}/notes")
        assert note in listed.json()["notes"]
        deleted = client.delete(f"/api/ext/{extension}/notes/{note['id']}")
        assert deleted.status_code == 204
        assert deleted.content == b""
        assert note not in client.get(f"/api/ext/{extension}/notes").json()["notes"]


@pytest.mark.parametrize("extension", WITH_HANDLER)
def test_bad_input_gets_the_error_of_the_handler(platform: RunningPlatform, extension: str) -> None:
    with platform.client() as client:
        rejected = client.post(f"/api/ext/{extension}/notes", content=b'{"neither":1}')
        assert rejected.status_code == 400
        assert client.post(f"/api/ext/{extension}/notes", content=b"not json").status_code == 400


def test_the_command_line_makes_the_same_call(platform: RunningPlatform) -> None:
    done = platform.command("invoke", WITH_HANDLER[0], "POST", "/notes", "--data", '{"text":"from the command line"}', "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["status"] == 201
    assert json.loads(result["body"])["text"] == "from the command line"


def test_every_command_prints_its_result_as_json(platform: RunningPlatform, built: Callable[[str], Path], tmp_path: Path) -> None:
    project = tmp_path / "echo"
    shutil.copytree(built("echo"), project)

    def result_of(*arguments: str | Path) -> dict[str, object]:
        done = platform.command(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        result: dict[str, object] = json.loads(done.stdout)
        return result

    build = result_of("build", project)
    assert build["cached"] is True and str(build["component"]).endswith("dist/main.wasm")
    pack = result_of("pack", project)
    assert Path(str(pack["path"])).is_file()
    install = result_of("install", project)
    assert {"registry_id", "version_id", "install_id", "content_hash", "signature", "signed_by", "granted", "url"} < set(install)
    assert install["content_hash"] == f"sha256:{pack['sha256']}"
    listed = result_of("list")["extensions"]
    assert isinstance(listed, list) and install["registry_id"] in [extension["registry_id"] for extension in listed]
    assert result_of("invoke", str(install["registry_id"]), "POST", "/echo", "--data", "{}")["status"] == 200
    name = f"{install['publisher']}.{install['name']}"
    assert result_of("show", name)["install_id"] == install["install_id"]
    assert result_of("disable", name)["is_enabled"] is False and result_of("enable", name)["is_enabled"] is True
    assert result_of("config", "set", name, "limit=3")["config"] == {"limit": 3}
    assert result_of("grants", "list", name)["granted"] == install["granted"]
    assert result_of("versions", name)["versions"]
    assert result_of("uninstall", str(install["registry_id"]))["registry_id"] == install["registry_id"]
    manifest = json.loads((project / "manifest.json").read_text())
    (project / "manifest.json").write_text(json.dumps(manifest | {"version": "9.0.0"}))
    assert result_of("publish", project)["version"] == "9.0.0"
    assert result_of("yank", f"{name}@9.0.0")["yanked"] is True and result_of("yank", f"{name}@9.0.0", "--undo")["yanked"] is False
    assert result_of("install", f"{name}@9.0.0", "--yes")["version"] == "9.0.0"
    assert result_of("upgrade", f"{name}@{install['version']}", "--yes")["version"] == install["version"]
    assert result_of("rollback", name)["version"] == "9.0.0"
    assert result_of("uninstall", name)["version"] == "9.0.0"
    key = result_of("keys", "new", "--no-password", "--out", tmp_path)
    assert result_of("sign", project, "--key", str(key["secret_key"]))["key_id"] == key["id"]
    assert result_of("verify", project, "--key", str(key["public_key"]))["key_id"] == key["id"]


def test_status_headers_and_bytes_arrive_as_the_handler_returned_them(platform: RunningPlatform, built: Callable[[str], Path]) -> None:
    installed = platform.command("install", built("echo"), "--json")
    assert installed.returncode == 0, installed.stderr
    content = bytes(range(256))
    with platform.client() as client:
        echoed = client.post(f"/api/ext/{json.loads(installed.stdout)['registry_id']}/echo?a=1&a=2&b=ü", content=content)
        seen = echoed.json()
    assert seen["method"] == "POST"
    assert seen["url"].startswith("/echo?")
    assert [pair.partition("=")[2] for pair in seen["url"].partition("?")[2].split("&")][:2] == ["1", "2"]


@pytest.fixture(scope="module")
def faulty(platform: RunningPlatform, built: Callable[[str], Path]) -> str:
    installed = platform.command("install", built("faulty"), "--json")
    assert installed.returncode == 0, installed.stderr
    registry_id: str = json.loads(installed.stdout)["registry_id"]
    return registry_id


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/throw", 500, "always fails"), ("/loop", 504, "did not finish within"), ("/memory", 500, "out of memory")],
    ids=["throws", "loops forever", "uses all memory"],
)
def test_each_failure_of_a_handler_has_its_own_error_and_the_next_call_succeeds(
    platform: RunningPlatform, faulty: str, path: str, status: int, words: str
) -> None:
    with platform.client() as client:
        failed = client.get(f"/api/ext/{faulty}{path}")
        assert failed.status_code == status, failed.text
        assert words in failed.text
        assert client.get(f"/api/ext/{faulty}/ok").json() == {"ok": True}
        assert client.get(f"/api/ext/{WITH_HANDLER[0]}/notes").status_code == 200


def test_log_lines_of_the_handler_are_in_the_debug_stream(platform: RunningPlatform, faulty: str) -> None:
    with platform.client() as client:
        assert client.get(f"/api/ext/{faulty}/logs").status_code == 200
        with client.stream("GET", f"/api/ext-debug/stream?extensionId={faulty}") as stream:
            seen = ""
            for chunk in stream.iter_text():
                seen += chunk
                if all(f"line {number}" in seen for number in range(1, 6)):
                    break
    assert "call finished" in seen or "call started" in seen


def with_manifest(project: Path, **change: object) -> Path:
    manifest = json.loads((project / "manifest.json").read_text())
    (project / "manifest.json").write_text(json.dumps(manifest | change))
    return project


@pytest.fixture
def project(built: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a sample that a test may damage. It has no sources, so dist/ is packed unchanged."""
    copy = tmp_path / "project"
    shutil.copytree(built("notes"), copy, ignore=shutil.ignore_patterns("src", "node_modules", ".holdfast-build.json"))
    return copy


def error_of(platform: RunningPlatform, *arguments: str | Path) -> str:
    """The error message of a command that fails; the platform continues to serve."""
    done = platform.command(*arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    with platform.client() as client:
        assert client.get(f"/api/ext/{WITH_HANDLER[0]}/notes").status_code == 200
    said: str = done.stderr
    return said


def test_a_missing_manifest_is_reported(platform: RunningPlatform, tmp_path: Path) -> None:
    assert "manifest.json" in error_of(platform, "install", tmp_path)


def test_a_malformed_manifest_names_the_field(platform: RunningPlatform, project: Path) -> None:
    assert "version" in error_of(platform, "install", with_manifest(project, version="one"))


def test_an_unknown_capability_is_named(platform: RunningPlatform, project: Path) -> None:
    assert "cap:everything" in error_of(platform, "install", with_manifest(project, capabilities=["cap:everything"]))


def test_a_bundle_that_is_not_zstd_is_reported(platform: RunningPlatform, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.zst"
    bundle.write_bytes(b"not zstd at all")
    assert "zstd" in error_of(platform, "install", bundle)


def test_a_file_that_is_not_a_component_is_reported(platform: RunningPlatform, project: Path) -> None:
    (project / "dist" / "main.wasm").write_bytes(b"not a component")
    assert "not a WebAssembly component" in error_of(platform, "install", project)


def test_a_component_without_handler_is_reported(platform: RunningPlatform, built: Callable[[str], Path]) -> None:
    assert "handler" in error_of(platform, "install", built("no-handler"))


def test_a_tampered_bundle_is_rejected_by_its_hash_and_not_cached(platform: RunningPlatform, built: Callable[[str], Path]) -> None:
    installed = json.loads(platform.command("install", built("sdk-probe"), "--json").stdout)
    digest = installed["content_hash"].removeprefix("sha256:")
    # The platform has prepared the bundle. Without the cached copy, the next request fetches it.
    cached = platform.data_dir / "cache" / digest
    wait_until(cached.exists)
    shutil.rmtree(cached)
    store = platform.data_dir / "bundles" / "tenants" / platform.tenant / "extensions" / installed["registry_id"] / "sha256" / digest
    bundle = store / "bundle.tar.zst"
    whole = bundle.read_bytes()
    bundle.chmod(0o644)
    bundle.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    page = f"/runner/ext-ui/{installed['registry_id']}/sha256:{digest}/index.html?tenant={platform.tenant}"
    with platform.client() as client:
        rejected = client.get(page)
        assert rejected.status_code == 502
        assert rejected.json()["code"] == "archive_hash_mismatch"
        assert not cached.exists()
        bundle.write_bytes(whole)
        assert client.get(page).status_code == 404  # fetched and unpacked again; this extension has no page
        assert cached.exists()
