"""Bundles made, uploaded and installed by hand, and what is reported when one is missing or wrong."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import httpx2

from tests.bundles.s3_server import make_bucket
from tests.cli.command_runner import write_extension
from tests.events.recording_server import free_port
from tests.guide.setup import Bundle, GuideSetup, bundle_path, tar_bundle
from tests.runner import guests
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS

EXTENSION = "3b8b0204-25d9-57d0-951b-3ed518145469"


def runner_page(origin: str, tenant: str, digest: str) -> httpx2.Response:
    """A page that a runner serves without asking a registry."""
    address = f"{origin}/ext-ui/{EXTENSION}/sha256:{digest}/index.html"
    return httpx2.get(address, params={"tenant": tenant}, trust_env=False, timeout=MAX_WAIT_SECONDS)


def error_code(response: httpx2.Response) -> str:
    code: str = response.json()["code"]
    return code


def test_row_7_an_extension_with_pages_only_needs_no_component(guide: GuideSetup, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "pages", name="com.example.pages-only")
    assert sorted(path.name for path in project.iterdir()) == ["manifest.json", "ui"]
    installed = guide.install(project)
    page = guide.page(installed["registry_id"], installed["content_hash"].removeprefix("sha256:"))
    assert (page.status_code, page.text) == (200, (project / "ui" / "index.html").read_text())


def test_rows_8_and_10_and_11_an_uploaded_bundle_is_served_once_psql_names_it_without_a_restart(guide: GuideSetup, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "by-hand", name="com.example.by-hand", component=guests.fine().read_bytes())
    installed = guide.install(project)
    extension, version = installed["registry_id"], installed["version_id"]
    shutil.rmtree(project / "dist", ignore_errors=True)
    (project / "dist").mkdir()
    shutil.copyfile(guests.fine(), project / "dist" / "main.wasm")
    (project / "ui" / "index.html").write_text("<!doctype html><title>By hand</title>")
    bundle = tar_bundle(project)

    statement = f"UPDATE extension_bundle SET content_hash = 'sha256:{bundle.digest}' WHERE version_id = '{version}';"
    assert guide.psql(statement) == "UPDATE 1"
    assert guide.page(extension, bundle.digest).status_code == 500, "it is not uploaded yet"
    with guide.platform.client() as client:
        assert client.get(f"/api/ext/{extension}/ping").status_code == 502

        guide.upload(bundle, extension)
        assert guide.page(extension, bundle.digest).text == "<!doctype html><title>By hand</title>"
        response = client.get(f"/api/ext/{extension}/ping")
        assert (response.status_code, response.text) == (200, "ok")


def test_row_8_a_bundle_copied_into_a_folder_is_served_at_once(tmp_path: Path, guide: GuideSetup) -> None:
    bundle = tar_bundle(write_extension(tmp_path / "copied"))
    store = tmp_path / "store"
    settings = {"BUNDLE_STORE_BASE": str(store), "RUNNER_STATIC_STRICT_VALIDATION": "false"}
    with runner_process(tmp_path, **settings) as (origin, _):
        assert error_code(runner_page(origin, guide.platform.tenant, bundle.digest)) == "extract_failed"
        target = store / bundle_path(guide.platform.tenant, EXTENSION, bundle.digest)
        target.parent.mkdir(parents=True)
        shutil.copyfile(bundle.path, target)
        assert runner_page(origin, guide.platform.tenant, bundle.digest).status_code == 200


def test_row_10_psql_hands_an_install_to_the_tenant_that_it_finds(guide: GuideSetup, tmp_path: Path) -> None:
    extension = guide.install(write_extension(tmp_path / "moved", name="com.example.moved"))["registry_id"]
    tenant = guide.psql("SELECT tenant FROM tenants LIMIT 1;")
    assert tenant == guide.platform.tenant

    def installed() -> bool:
        with guide.platform.client() as client:
            return extension in [one["registryId"] for one in client.get("/api/v1/extensions").json()["extensions"]]

    def assign(owner: str) -> str:
        return guide.psql(f"UPDATE tenant_extension_install SET tenant_id = '{owner}' WHERE registry_id = '{extension}';")

    assert assign("1573867a-384d-4555-a206-bcfd86440ac1") == "UPDATE 1"
    assert not installed()
    assert assign(tenant) == "UPDATE 1"
    assert installed()


def test_row_20_an_install_hashes_the_bundle_writes_four_tables_and_has_the_ids_of_the_guide(
    guide: GuideSetup, built: Callable[[str], Path], tmp_path: Path
) -> None:
    project = tmp_path / "hello-world"
    shutil.copytree(built("hello-world"), project)
    installed = guide.install(project)
    assert installed["registry_id"] == EXTENSION
    assert installed["content_hash"] == f"sha256:{hashlib.sha256((project / 'dist' / 'bundle.tar.zst').read_bytes()).hexdigest()}"
    assert installed["signature"] == "unsigned"
    again = guide.install(project)
    assert [again[name] for name in ("registry_id", "version_id")] == [installed[name] for name in ("registry_id", "version_id")]
    for statement in (
        f"SELECT count(*) FROM extension_registry WHERE id = '{EXTENSION}'",
        f"SELECT count(*) FROM extension_version WHERE id = '{installed['version_id']}'",
        f"SELECT count(*) FROM extension_bundle WHERE version_id = '{installed['version_id']}'",
        f"SELECT count(*) FROM tenant_extension_install WHERE registry_id = '{EXTENSION}' AND tenant_id = '{guide.platform.tenant}'",
    ):
        assert guide.psql(statement) == "1", statement


def test_row_20_production_rejects_an_unsigned_bundle(guide: GuideSetup, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "unsigned", name="com.example.unsigned")
    rejected = guide.command("install", project, HOLDFAST_ENVIRONMENT="production")
    assert rejected.returncode == 1
    assert "The bundle is not signed" in rejected.stderr


def test_row_32_each_cause_of_a_failed_fetch_has_its_own_error(guide: GuideSetup, tmp_path: Path) -> None:
    keys = {"S3_ACCESS_KEY": "minioadmin", "S3_SECRET_KEY": "minioadmin", "S3_REGION": "us-east-1"}
    settings = keys | {"RUNNER_STATIC_STRICT_VALIDATION": "false"}
    tenant, digest = guide.platform.tenant, "ab" * 32
    server = guide.bucket.rpartition("/")[0]
    (tmp_path / "away").mkdir()
    with runner_process(tmp_path / "away", **settings, BUNDLE_STORE_BASE=f"http://127.0.0.1:{free_port()}/extensions") as (origin, _):
        away = runner_page(origin, tenant, digest)
    with runner_process(tmp_path, **settings, BUNDLE_STORE_BASE=f"{server}/missing-bucket") as (origin, _):
        no_bucket = runner_page(origin, tenant, digest)
        make_bucket(server, "missing-bucket")
        no_bundle = runner_page(origin, tenant, digest)
    assert {error_code(response) for response in (away, no_bucket, no_bundle)} == {"extract_failed"}
    assert "no connection" in away.text
    assert "no such bucket" in no_bucket.text
    assert f"{digest}/bundle.tar.zst" in no_bundle.text


def test_row_32_a_bundle_that_is_not_an_archive_cannot_be_extracted(guide: GuideSetup, tmp_path: Path) -> None:
    (tmp_path / "bundle").write_bytes(b"not an archive")
    bundle = Bundle(tmp_path / "bundle", hashlib.sha256(b"not an archive").hexdigest())
    extension = guide.install(write_extension(tmp_path / "no-archive", name="com.example.no-archive"))["registry_id"]
    guide.upload(bundle, extension)
    assert error_code(guide.page(extension, bundle.digest)) == "extract_failed"


def test_rows_32_and_33_a_wrong_hash_is_reported_with_both_hashes(guide: GuideSetup, tmp_path: Path) -> None:
    bundle = tar_bundle(write_extension(tmp_path / "wrong-hash", name="com.example.wrong-hash"))
    extension = guide.install(tmp_path / "wrong-hash")["registry_id"]
    named = Bundle(bundle.path, "cd" * 32)
    guide.upload(named, extension)
    page = guide.page(extension, named.digest)
    assert error_code(page) == "archive_hash_mismatch"
    assert named.digest in page.text and bundle.digest in page.text
