"""Secrets from the command line through the database, the gateway and the runner to the handler that reads them; and to nobody else."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command_runner import clean_environment
from tests.e2e.conftest import Running
from tests.waiting import MAX_WAIT_SECONDS

FIRST, SECOND = "the-first-value-of-it", "the-second-value-of-it"


@pytest.fixture(scope="module")
def probe(platform: Running, built: Callable[[str], Path]) -> str:
    """The id of the installed probe, whose handler answers with the secrets it is given."""
    installed = platform.command("install", built("contract-probe"), "--json")
    assert installed.returncode == 0, installed.stderr
    return str(json.loads(installed.stdout)["registry_id"])


def give(platform: Running, *arguments: str, value: str, over_http: bool = False) -> None:
    """`holdfast secrets set`, with a value on stdin: on the data folder, or on the running platform."""
    where = ["--server", platform.console] if over_http else ["--data-dir", str(platform.folder / "data")]
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


def seen(platform: Running, probe: str) -> Any:
    """What the handler says of its secrets."""
    with platform.client() as client:
        answer = client.get(f"/api/ext/{probe}/dynamic/secrets")
    assert answer.status_code == 200, answer.text
    return answer.json()["secrets"]


def test_what_is_set_reaches_the_handler_at_once_and_after_a_rotation_too(platform: Running, probe: str) -> None:
    assert seen(platform, probe) == {"value": None, "keys": [], "error": "secrets.get: missing"}
    give(platform, probe, "ALGA_API_KEY=-", value=FIRST)
    assert seen(platform, probe) == {"value": FIRST, "keys": ["ALGA_API_KEY"], "error": None}
    give(platform, probe, "other=-", value=SECOND)
    assert seen(platform, probe) == {"value": FIRST, "keys": ["ALGA_API_KEY", "other"], "error": None}
    for options in (("--new-key",), ("--new-key", "--drop-old-keys")):
        rotated = platform.command("secrets", "rotate", *options, "--json")
        assert rotated.returncode == 0, rotated.stderr
        assert json.loads(rotated.stdout) == {
            "resealed": 1,
            "newest_already": 0,
            "unreadable": [],
            "dropped_keys": 2 if "--drop-old-keys" in options else 0,
        }
        assert seen(platform, probe) == {"value": FIRST, "keys": ["ALGA_API_KEY", "other"], "error": None}
    give(platform, probe, "ALGA_API_KEY=-", value=SECOND)
    assert seen(platform, probe)["value"] == SECOND
    assert platform.command("secrets", "remove", probe, "other").returncode == 0
    assert seen(platform, probe)["keys"] == ["ALGA_API_KEY"]


def test_over_http_they_are_the_same_secrets(platform: Running, probe: str) -> None:
    give(platform, probe, "ALGA_API_KEY=-", "--expires", "2999-01-01", value=FIRST, over_http=True)
    assert seen(platform, probe)["value"] == FIRST
    with platform.client() as client:
        told = client.get(f"/api/v1/extensions/{probe}/secrets")
        assert told.json()["keys"] == ["ALGA_API_KEY"] and FIRST not in told.text
        assert client.delete(f"/api/v1/extensions/{probe}/secrets/ALGA_API_KEY").status_code == 200
    assert seen(platform, probe)["error"] == "secrets.get: missing"


def test_from_its_expiry_on_the_handler_is_told_so(platform: Running, probe: str) -> None:
    give(platform, probe, "ALGA_API_KEY=-", "--expires", "2999-01-01", value=FIRST)
    assert seen(platform, probe)["value"] == FIRST
    platform.execute("UPDATE tenant_extension_install_secrets SET expires_at = '2001-01-01 00:00:00.000000'")
    assert seen(platform, probe) == {"value": None, "keys": [], "error": "secrets.get: expired"}
    give(platform, probe, "ALGA_API_KEY=-", "--expires", "never", value=FIRST)
    assert seen(platform, probe)["value"] == FIRST


def test_a_row_that_somebody_put_there_is_not_opened(platform: Running, probe: str) -> None:
    give(platform, probe, "ALGA_API_KEY=-", value=FIRST)
    platform.execute(f"UPDATE tenant_extension_install_secrets SET ciphertext = '{'ab' * 60}'")
    with platform.client() as client:
        answer = client.get(f"/api/ext/{probe}/dynamic/secrets")
    assert answer.status_code == 502 and FIRST not in answer.text
    listed = platform.command("secrets", "list", probe)
    assert listed.returncode == 1 and "clear" in listed.stderr
    assert platform.command("secrets", "remove", probe, "--all").returncode == 0
    assert seen(platform, probe)["error"] == "secrets.get: missing"


def test_no_value_is_in_the_log_or_in_the_database(platform: Running, probe: str) -> None:
    give(platform, probe, "ALGA_API_KEY=-", value=FIRST)
    assert seen(platform, probe)["value"] == FIRST
    keys = (platform.folder / "data" / "secrets.key").read_text().split()
    for text in [FIRST, SECOND, *(word for word in keys if len(word) == 43)]:
        assert text not in platform.said()
        for file in (platform.folder / "data").glob("holdfast.db*"):
            assert text.encode() not in file.read_bytes()
