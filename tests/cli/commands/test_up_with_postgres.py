"""`holdfast up` with its records in PostgreSQL, as DATABASE_URL says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx2

from tests.cli.command_runner import Platform, run
from tests.events.recording_server import free_port
from tests.records.postgres import OWNER, PASSWORD, PostgresServer
from tests.waiting import MAX_WAIT_SECONDS, wait_until

EXTENSION = "com.example.sample"


def test_the_platform_runs_on_postgres_and_its_records_survive_a_restart(tmp_path: Path, extension: Path, postgres: PostgresServer) -> None:
    with postgres.empty() as url:
        address = url.replace("postgresql+psycopg", "postgres")
        with Platform(tmp_path, extension, DATABASE_URL=address) as platform:
            ready = platform.ready()
            with httpx2.Client(base_url=ready["console"], trust_env=False, timeout=MAX_WAIT_SECONDS) as client:
                response = client.get(f"/api/ext/{EXTENSION}/ping", headers={"x-api-key": ready["api_key"]})
                assert (response.status_code, response.text) == (200, "ok")
                _create_use_and_revoke_a_key(client, tmp_path, address)
                assert client.get(f"/api/ext/{EXTENSION}/ping", headers={"x-api-key": ready["api_key"]}).status_code == 200
            platform.process.terminate()
            assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == 0
            assert PASSWORD not in platform.stderr_text()
        assert postgres.psql(url, "SELECT tenant FROM tenants") == ready["tenant"]
        assert not list(tmp_path.rglob("holdfast.db"))
        listed = run("list", "--data-dir", tmp_path / "data", "--json", cwd=tmp_path, DATABASE_URL=address)
        assert [one["name"] for one in json.loads(listed.stdout)["extensions"]] == [EXTENSION]
        assert PASSWORD not in listed.stdout + listed.stderr


def _create_use_and_revoke_a_key(client: httpx2.Client, folder: Path, address: str) -> None:
    """With the commands that an operator uses, while the platform runs on the same database."""

    def keys(*arguments: str) -> dict[str, Any]:
        done = run("keys", "api", *arguments, "--json", "--data-dir", folder / "data", cwd=folder, DATABASE_URL=address)
        assert done.returncode == 0 and PASSWORD not in done.stdout + done.stderr, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    created = keys("new")

    def status() -> int:
        return client.get(f"/api/ext/{EXTENSION}/ping", headers={"x-api-key": created["api_key"]}).status_code

    assert status() == 200
    revoked = keys("revoke", created["key"]["api_key_id"])["key"]
    assert (revoked["api_key_id"], revoked["state"]) == (created["key"]["api_key_id"], "revoked")
    # The gateway has the key in memory until the database reports the change.
    wait_until(lambda: status() == 401)


def test_an_unreachable_postgres_is_reported_in_one_sentence(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}/holdfast"
    rejected = run(
        "up",
        "--data-dir",
        "data",
        "--port",
        "0",
        "--runner-port",
        "0",
        "--json",
        cwd=tmp_path,
        DATABASE_URL=f"postgres://{OWNER}:{PASSWORD}@{address}",
    )
    assert rejected.returncode == 1
    assert json.loads(rejected.stdout)["error"] == "database_unreachable"
    assert rejected.stderr.splitlines()[-1].startswith(
        f"The database postgresql://{OWNER}@{address} cannot be used: Connection refused. Start it"
    )
    assert PASSWORD not in rejected.stdout + rejected.stderr
