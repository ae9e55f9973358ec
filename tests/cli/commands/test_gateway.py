"""`holdfast gateway` as a process: gateway and console for a runner that is already running, as production starts them."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast.sealing.keyring import new_key_text
from tests.bundles.minisign_samples import PUBLIC_KEY, SECRET_KEY
from tests.cli.command_runner import Done, Platform, json_result, run
from tests.events.recording_server import free_port
from tests.runner.processes import runner_process
from tests.waiting import MAX_WAIT_SECONDS

TOKEN = "a-token-of-both"
PASSWORD = "a password of this test"


def command(folder: Path, *arguments: str, **variables: str) -> dict[str, Any]:
    done = run(*arguments, "--json", "--data-dir", "data", cwd=folder, **variables)
    return json_result(Done(done.returncode, done.stdout, done.stderr))


def test_production_has_no_account_until_one_is_created_and_calls_reach_the_runner(tmp_path: Path, extension: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    port = free_port()
    variables: dict[str, Any] = {
        "HOLDFAST_SECRETS_KEY": new_key_text(),
        "RUNNER_SERVICE_TOKEN": TOKEN,
        "BUNDLE_STORE_BASE": str(tmp_path / "bundles"),
        "SIGNING_TRUST_BUNDLE": str(tmp_path / "trusted.json"),
        "ALGA_AUTH_KEY": "a-key-of-both",
    }
    with runner_process(alone, REGISTRY_BASE_URL=f"http://127.0.0.1:{port}", **variables) as (origin, _):
        production = variables | {"HOLDFAST_ENVIRONMENT": "production", "RUNNER_BASE_URL": origin}
        with Platform(tmp_path, "--port", str(port), port=None, command="gateway", **production) as platform:
            ready = platform.ready()
            assert ready == {
                "console": f"http://127.0.0.1:{port}",
                "runner": origin,
                "tenant": None,
                "email": None,
                "password": None,
                "api_key": None,
            }
            assert not (platform.data_dir / "credentials.json").exists()
            tenants = command(tmp_path, "tenants", "new", "Acme", **production)
            tenant = tenants["tenant"]["tenant_id"]
            (tmp_path / "password").write_text(PASSWORD)
            given = ("users", "new", "ann@example.com", "--admin", "--tenant", tenant, "--password-file", "password")
            command(tmp_path, *given, **production)
            key = command(tmp_path, "keys", "api", "new", "--user", "ann@example.com", "--tenant", tenant, **production)
            known = command(tmp_path, "tenants", "list", "--tenant", tenant, **production)["tenants"]
            assert [one["name"] for one in known] == ["Acme"]
            assert not (platform.data_dir / "credentials.json").exists()
            # A command follows the rules of the platform, whatever its own environment says.
            (tmp_path / "acme.pub").write_bytes(PUBLIC_KEY)
            (tmp_path / "acme.key").write_bytes(SECRET_KEY)
            rejected = run("install", extension, "--json", "--data-dir", "data", "--tenant", tenant, cwd=tmp_path, **variables)
            assert json.loads(rejected.stdout)["error"] == "signature_missing"
            command(tmp_path, "keys", "trust", "acme.pub", **variables)
            command(tmp_path, "sign", str(extension), "--key", "acme.key")
            bundle = str(extension / "dist" / "bundle.tar.zst")
            command(tmp_path, "install", bundle, "--tenant", tenant, **variables)
            with httpx2.Client(base_url=ready["console"], trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
                response = client.get("/api/ext/com.example.sample/ping", headers={"x-api-key": key["api_key"]})
            assert (response.status_code, response.text) == (200, "ok")
            platform.process.send_signal(signal.SIGTERM)
            assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == 0


@pytest.mark.parametrize(
    ("variables", "code", "named"),
    [
        ({}, "runner_address_missing", "RUNNER_BASE_URL"),
        ({"RUNNER_BASE_URL": "http://127.0.0.1:1"}, "service_token_missing", "RUNNER_SERVICE_TOKEN"),
        ({"RUNNER_BASE_URL": "127.0.0.1"}, "setting_invalid", "RUNNER_BASE_URL"),
        ({"GATEWAY_WORKERS": "0"}, "setting_invalid", "GATEWAY_WORKERS"),
    ],
)
def test_what_it_needs_is_named(tmp_path: Path, variables: dict[str, str], code: str, named: str) -> None:
    rejected = run("gateway", "--json", "--port", "0", "--data-dir", "data", cwd=tmp_path, **variables)
    assert rejected.returncode == 1
    assert json.loads(rejected.stdout)["error"] == code
    assert named in rejected.stderr


def test_development_prints_its_account_as_up_does(tmp_path: Path) -> None:
    with Platform(tmp_path, command="gateway", RUNNER_BASE_URL="http://127.0.0.1:1", RUNNER_SERVICE_TOKEN=TOKEN) as platform:
        ready = platform.ready()
        with httpx2.Client(base_url=ready["console"], trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
            assert client.get("/api/v1/extensions", headers={"x-api-key": ready["api_key"]}).json() == {"extensions": []}
        assert platform.children("holdfast.runner") == set()
