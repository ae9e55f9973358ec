"""Secrets go from the command line through the database, the gateway and the runner to the handler that reads them, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import clean_environment
from tests.e2e.running_platform import RunningPlatform
from tests.waiting import MAX_WAIT_SECONDS

FIRST, SECOND = "the-first-value-of-it", "the-second-value-of-it"


@pytest.fixture(scope="module")
def installed_probe(platform: RunningPlatform, built: Callable[[str], Path]) -> str:
    """The id of the installed probe, whose handler responds with the secrets that it can read."""
    installed = platform.command("install", built("contract-probe"), "--json")
    assert installed.returncode == 0, installed.stderr
    return str(json.loads(installed.stdout)["registry_id"])


@pytest.fixture
def probe(platform: RunningPlatform, installed_probe: str) -> str:
    """The same, without any secrets."""
    address = f"/api/v1/extensions/{installed_probe}/secrets"
    with platform.client() as client:
        for key in client.get(address).json()["keys"]:
            assert client.delete(f"{address}/{key}").status_code == 200
    return installed_probe


def set_secret(platform: RunningPlatform, *arguments: str, value: str, over_http: bool = False) -> None:
    """`holdfast secrets set` with a value on stdin: on the data folder, or over HTTP on the running platform."""
    where = ["--server", platform.console] if over_http else ["--data-dir", str(platform.data_dir)]
    done = subprocess.run(
        [sys.executable, "-m", "holdfast.cli", "secrets", "set", *arguments, *where],
        cwd=platform.folder,
        env=clean_environment(ALGA_API_KEY=platform.api_key, **platform.variables),
        input=f"{value}\n",
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert value not in done.stdout + done.stderr


def visible_secrets(platform: RunningPlatform, probe: str) -> Any:
    """The secrets that the handler can read."""
    with platform.client() as client:
        response = client.get(f"/api/ext/{probe}/dynamic/secrets")
    assert response.status_code == 200, response.text
    return response.json()["secrets"]


def test_a_secret_reaches_the_handler_at_once_and_after_a_rotation(platform: RunningPlatform, probe: str) -> None:
    assert visible_secrets(platform, probe) == {"value": None, "keys": [], "error": "secrets.get: missing"}
    set_secret(platform, probe, "ALGA_API_KEY=-", value=FIRST)
    assert visible_secrets(platform, probe) == {"value": FIRST, "keys": ["ALGA_API_KEY"], "error": None}
    set_secret(platform, probe, "other=-", value=SECOND)
    assert visible_secrets(platform, probe) == {"value": FIRST, "keys": ["ALGA_API_KEY", "other"], "error": None}
    for options in (("--new-key",), ("--new-key", "--drop-old-keys")):
        rotated = platform.command("secrets", "rotate", *options, "--json")
        assert rotated.returncode == 0, rotated.stderr
        assert json.loads(rotated.stdout) == {
            "resealed": 1,
            "newest_already": 0,
            "unreadable": [],
            "dropped_keys": 2 if "--drop-old-keys" in options else 0,
        }
        assert visible_secrets(platform, probe) == {"value": FIRST, "keys": ["ALGA_API_KEY", "other"], "error": None}
    set_secret(platform, probe, "ALGA_API_KEY=-", value=SECOND)
    assert visible_secrets(platform, probe)["value"] == SECOND
    assert platform.command("secrets", "remove", probe, "other").returncode == 0
    assert visible_secrets(platform, probe)["keys"] == ["ALGA_API_KEY"]


def test_secrets_are_the_same_over_http(platform: RunningPlatform, probe: str) -> None:
    set_secret(platform, probe, "ALGA_API_KEY=-", "--expires", "2999-01-01", value=FIRST, over_http=True)
    assert visible_secrets(platform, probe)["value"] == FIRST
    with platform.client() as client:
        listed = client.get(f"/api/v1/extensions/{probe}/secrets")
        assert listed.json()["keys"] == ["ALGA_API_KEY"] and FIRST not in listed.text
        assert client.delete(f"/api/v1/extensions/{probe}/secrets/ALGA_API_KEY").status_code == 200
    assert visible_secrets(platform, probe)["error"] == "secrets.get: missing"


def test_an_expired_secret_is_reported_to_the_handler_as_expired(platform: RunningPlatform, probe: str) -> None:
    set_secret(platform, probe, "ALGA_API_KEY=-", "--expires", "2999-01-01", value=FIRST)
    assert visible_secrets(platform, probe)["value"] == FIRST
    platform.execute("UPDATE tenant_extension_install_secrets SET expires_at = '2001-01-01 00:00:00.000000'")
    assert visible_secrets(platform, probe) == {"value": None, "keys": [], "error": "secrets.get: expired"}
    set_secret(platform, probe, "ALGA_API_KEY=-", "--expires", "never", value=FIRST)
    assert visible_secrets(platform, probe)["value"] == FIRST


def test_a_forged_row_is_not_decrypted(platform: RunningPlatform, probe: str) -> None:
    set_secret(platform, probe, "ALGA_API_KEY=-", value=FIRST)
    platform.execute(f"UPDATE tenant_extension_install_secrets SET ciphertext = '{'ab' * 60}'")
    with platform.client() as client:
        response = client.get(f"/api/ext/{probe}/dynamic/secrets")
    assert response.status_code == 502 and FIRST not in response.text
    listed = platform.command("secrets", "list", probe)
    assert listed.returncode == 1 and "clear" in listed.stderr
    assert platform.command("secrets", "remove", probe, "--all").returncode == 0
    assert visible_secrets(platform, probe)["error"] == "secrets.get: missing"


def test_no_value_is_in_the_log_or_the_database(platform: RunningPlatform, probe: str) -> None:
    set_secret(platform, probe, "ALGA_API_KEY=-", value=FIRST)
    assert visible_secrets(platform, probe)["value"] == FIRST
    keys = (platform.data_dir / "secrets.key").read_text().split()
    for text in [FIRST, SECOND, *(word for word in keys if len(word) == 43)]:
        assert text not in platform.log()
        for file in (platform.data_dir).glob("holdfast.db*"):
            assert text.encode() not in file.read_bytes()
