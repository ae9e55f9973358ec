"""Quick start and configuration: the processes of the guide find one another, and bundles are where the guide has them."""

from __future__ import annotations

from pathlib import Path

import httpx2
import psutil

from tests.cli.command_runner import run, write_extension
from tests.guide.setup import GuideSetup, bundle_path
from tests.waiting import MAX_WAIT_SECONDS


def test_rows_1_and_37_an_installed_bundle_is_in_the_bucket_at_the_path_of_the_guide(guide: GuideSetup, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "stored", name="com.example.stored")
    installed = guide.install(project)
    digest = installed["content_hash"].removeprefix("sha256:")
    path = bundle_path(guide.platform.tenant, installed["registry_id"], digest)
    assert guide.objects().get(path).bytes() == (project / "dist" / "bundle.tar.zst").read_bytes()
    assert httpx2.get(f"{guide.runner.origin}/healthz", trust_env=False, timeout=MAX_WAIT_SECONDS).json()["bundle_store"] == "ok"
    assert not (guide.platform.data_dir / "bundles").exists()
    assert guide.page(installed["registry_id"], digest).status_code == 200


def test_row_4_the_variable_port_sets_the_port_of_the_platform(guide: GuideSetup) -> None:
    assert guide.platform.console == f"http://127.0.0.1:{guide.port}"
    with guide.platform.client() as client:
        assert client.get("/api/health").json()["status"] == "ok"


def test_row_5_the_platform_drives_the_runner_that_the_variables_name(guide: GuideSetup) -> None:
    assert guide.platform.runner == guide.runner.origin
    assert psutil.Process(guide.process.process.pid).children() == [], "it starts no runner of its own"
    with guide.platform.client() as client:
        assert client.get("/api/health").json()["runner"] == "ok"


def test_row_27_a_runner_on_a_busy_port_reports_the_port_and_its_owner(guide: GuideSetup, tmp_path: Path) -> None:
    failed = run("runner", "--port", str(guide.port), "--data-dir", tmp_path, cwd=tmp_path, RUNNER_SERVICE_TOKEN=guide.runner.token)
    assert failed.returncode == 1
    assert str(guide.port) in failed.stderr and f"pid {guide.process.process.pid}" in failed.stderr
