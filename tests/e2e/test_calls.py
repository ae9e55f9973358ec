"""From the outside, through gateway and runner, to handlers built from source: what they answer, and what their failures leave alone."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Running

WITH_HANDLER = ["com.holdfast.sample.notes", "com.holdfast.sample.notes-python"]


@pytest.mark.parametrize("extension", WITH_HANDLER)
def test_the_guides_curl_gets_the_handlers_own_answer(platform: Running, extension: str) -> None:
    with platform.client() as client:
        made = client.post(f"/api/ext/{extension}/notes", content=b'{"data":"test"}')
        assert made.status_code == 201
        assert made.headers["content-type"].startswith("application/json")
        note = made.json()
        assert note["text"] == "test"
        assert note["author"] == "Development Administrator"
        listed = client.get(f"/api/ext/{extension}/notes")
        assert note in listed.json()["notes"]
        gone = client.delete(f"/api/ext/{extension}/notes/{note['id']}")
        assert gone.status_code == 204
        assert gone.content == b""
        assert note not in client.get(f"/api/ext/{extension}/notes").json()["notes"]


@pytest.mark.parametrize("extension", WITH_HANDLER)
def test_bad_input_gets_the_handlers_own_refusal(platform: Running, extension: str) -> None:
    with platform.client() as client:
        refused = client.post(f"/api/ext/{extension}/notes", content=b'{"neither":1}')
        assert refused.status_code == 400
        assert client.post(f"/api/ext/{extension}/notes", content=b"not json").status_code == 400


def test_the_same_call_from_the_command_line(platform: Running) -> None:
    done = platform.command("invoke", WITH_HANDLER[0], "POST", "/notes", "--data", '{"text":"from the command line"}', "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["status"] == 201
    assert json.loads(answer["body"])["text"] == "from the command line"


def test_every_command_gives_its_result_as_json(platform: Running, built: Callable[[str], Path], tmp_path: Path) -> None:
    project = tmp_path / "echo"
    shutil.copytree(built("echo"), project)

    def told(*arguments: str | Path) -> dict[str, object]:
        done = platform.command(*arguments, "--json")
        assert done.returncode == 0, done.stderr
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    build = told("build", project)
    assert build["cached"] is True and str(build["component"]).endswith("dist/main.wasm")
    pack = told("pack", project)
    assert Path(str(pack["path"])).is_file()
    install = told("install", project)
    assert {"registry_id", "version_id", "install_id", "content_hash", "signature", "signed_by", "granted", "url"} < set(install)
    assert install["content_hash"] == f"sha256:{pack['sha256']}"
    listed = told("list")["extensions"]
    assert isinstance(listed, list) and install["registry_id"] in [extension["registry_id"] for extension in listed]
    assert told("invoke", str(install["registry_id"]), "POST", "/echo", "--data", "{}")["status"] == 200
    name = f"{install['publisher']}.{install['name']}"
    assert told("show", name)["install_id"] == install["install_id"]
    assert told("disable", name)["is_enabled"] is False and told("enable", name)["is_enabled"] is True
    assert told("config", "set", name, "limit=3")["config"] == {"limit": 3}
    assert told("grants", "list", name)["granted"] == install["granted"]
    assert told("versions", name)["versions"]
    assert told("uninstall", str(install["registry_id"]))["registry_id"] == install["registry_id"]
    manifest = json.loads((project / "manifest.json").read_text())
    (project / "manifest.json").write_text(json.dumps(manifest | {"version": "9.0.0"}))
    assert told("publish", project)["version"] == "9.0.0"
    assert told("yank", f"{name}@9.0.0")["yanked"] is True and told("yank", f"{name}@9.0.0", "--undo")["yanked"] is False
    assert told("install", f"{name}@9.0.0", "--yes")["version"] == "9.0.0"
    assert told("upgrade", f"{name}@{install['version']}", "--yes")["version"] == install["version"]
    assert told("rollback", name)["version"] == "9.0.0"
    assert told("uninstall", name)["version"] == "9.0.0"
    key = told("keys", "new", "--no-password", "--out", tmp_path)
    assert told("sign", project, "--key", str(key["secret_key"]))["key_id"] == key["id"]
    assert told("verify", project, "--key", str(key["public_key"]))["key_id"] == key["id"]


def test_status_headers_and_bytes_arrive_as_the_handler_gave_them(platform: Running, built: Callable[[str], Path]) -> None:
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
def faulty(platform: Running, built: Callable[[str], Path]) -> str:
    installed = platform.command("install", built("faulty"), "--json")
    assert installed.returncode == 0, installed.stderr
    registry_id: str = json.loads(installed.stdout)["registry_id"]
    return registry_id


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [("/throw", 500, "always fails"), ("/loop", 504, "did not finish within"), ("/memory", 500, "out of memory")],
    ids=["throws", "loops for ever", "eats memory"],
)
def test_a_handler_that_fails_is_told_apart_and_the_next_call_succeeds(
    platform: Running, faulty: str, path: str, status: int, words: str
) -> None:
    with platform.client() as client:
        failed = client.get(f"/api/ext/{faulty}{path}")
        assert failed.status_code == status, failed.text
        assert words in failed.text
        assert client.get(f"/api/ext/{faulty}/ok").json() == {"ok": True}
        assert client.get(f"/api/ext/{WITH_HANDLER[0]}/notes").status_code == 200


def test_log_lines_of_the_handler_are_in_the_debug_stream(platform: Running, faulty: str) -> None:
    with platform.client() as client:
        assert client.get(f"/api/ext/{faulty}/logs").status_code == 200
        with client.stream("GET", f"/api/ext-debug/stream?extensionId={faulty}") as stream:
            seen = ""
            for chunk in stream.iter_text():
                seen += chunk
                if all(f"line {number}" in seen for number in range(1, 6)):
                    break
    assert "call finished" in seen or "call started" in seen


def broken(project: Path, **change: object) -> Path:
    manifest = json.loads((project / "manifest.json").read_text())
    (project / "manifest.json").write_text(json.dumps(manifest | change))
    return project


@pytest.fixture
def project(built: Callable[[str], Path], tmp_path: Path) -> Path:
    """A copy of a sample that may be damaged. It has no sources, so that what is in dist/ is taken as it is."""
    copy = tmp_path / "project"
    shutil.copytree(built("notes"), copy, ignore=shutil.ignore_patterns("src", "node_modules", ".holdfast-build.json"))
    return copy


def refusal(platform: Running, *arguments: str | Path) -> str:
    """What the command says when it refuses; the platform goes on serving."""
    done = platform.command(*arguments)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr
    with platform.client() as client:
        assert client.get(f"/api/ext/{WITH_HANDLER[0]}/notes").status_code == 200
    said: str = done.stderr
    return said


def test_no_manifest_is_said(platform: Running, tmp_path: Path) -> None:
    assert "manifest.json" in refusal(platform, "install", tmp_path)


def test_a_malformed_manifest_names_the_field(platform: Running, project: Path) -> None:
    assert "version" in refusal(platform, "install", broken(project, version="one"))


def test_an_unknown_capability_is_named(platform: Running, project: Path) -> None:
    assert "cap:everything" in refusal(platform, "install", broken(project, capabilities=["cap:everything"]))


def test_a_bundle_that_is_not_zstd_is_said(platform: Running, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle.tar.zst"
    bundle.write_bytes(b"not zstd at all")
    assert "zstd" in refusal(platform, "install", bundle)


def test_a_component_that_is_none_is_said(platform: Running, project: Path) -> None:
    (project / "dist" / "main.wasm").write_bytes(b"not a component")
    assert "not a WebAssembly component" in refusal(platform, "install", project)


def test_a_component_without_handler_is_said(platform: Running, built: Callable[[str], Path]) -> None:
    assert "handler" in refusal(platform, "install", built("no-handler"))


def test_a_tampered_bundle_is_refused_by_its_hash_and_leaves_nothing(platform: Running, built: Callable[[str], Path]) -> None:
    installed = json.loads(platform.command("install", built("sdk-probe"), "--json").stdout)
    digest = installed["content_hash"].removeprefix("sha256:")
    store = platform.folder / "data" / "bundles" / "tenants" / platform.tenant / "extensions" / installed["registry_id"] / "sha256" / digest
    bundle = store / "bundle.tar.zst"
    whole = bundle.read_bytes()
    bundle.chmod(0o644)
    bundle.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    page = f"/runner/ext-ui/{installed['registry_id']}/sha256:{digest}/index.html?tenant={platform.tenant}"
    with platform.client() as client:
        refused = client.get(page)
        assert refused.status_code == 502
        assert refused.json()["code"] == "archive_hash_mismatch"
        assert not (platform.folder / "data" / "cache" / digest).exists()
        bundle.write_bytes(whole)
        assert client.get(page).status_code == 404  # fetched and unpacked again; this extension has no page
        assert (platform.folder / "data" / "cache" / digest).exists()
