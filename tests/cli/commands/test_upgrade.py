"""`holdfast upgrade` and `rollback`: consent to new rights, missing schedules, and rollback."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from holdfast.records.database.database import Database
from holdfast.registry.models.installs import ExtensionApiEndpoint, TenantExtensionInstall, TenantExtensionSchedule
from tests.cli.command_runner import Done, json_result, write_extension

DATA = ("--data-dir", "data")
NAME = "Example.com.example.sample"

Command = Callable[..., Done]


@pytest.fixture
def publish(command: Command, tmp_path: Path, component: bytes) -> Callable[..., None]:
    """`publish(version, **manifest)`"""

    def publish(version: str, **manifest: Any) -> None:
        project = write_extension(tmp_path / version, component=component, version=version, **manifest)
        done = command("publish", project, *DATA)
        assert done.returncode == 0, done.stderr

    return publish


@pytest.fixture(autouse=True)
def installed(command: Command, publish: Callable[..., None]) -> None:
    """Version 1.0.0 is installed."""
    publish("1.0.0", capabilities=["cap:storage.kv"])
    assert command("install", f"{NAME}@1.0.0", "--yes", *DATA).returncode == 0


def test_a_version_that_requests_no_more_is_upgraded_to_without_a_prompt(command: Command, publish: Callable[..., None]) -> None:
    publish("1.1.0", capabilities=["cap:storage.kv"])
    done = command("upgrade", NAME, *DATA)
    assert done.stdout.splitlines()[0] == "Upgraded from 1.0.0 to 1.1.0"
    assert command("upgrade", NAME, *DATA).stdout.splitlines()[0] == "Already at 1.1.0"


def test_a_version_that_requests_more_waits_for_consent(command: Command, publish: Callable[..., None]) -> None:
    publish("2.0.0", capabilities=["cap:storage.kv", "cap:client.read"], egress=["api.example.com"])
    rejected = command("upgrade", NAME, "--json", *DATA)
    assert (rejected.returncode, json.loads(rejected.stdout)["error"]) == (1, "consent_missing")
    assert f"Version 2.0.0 of {NAME} requests more rights" in rejected.stderr
    assert f"`holdfast install {NAME}@2.0.0` with --only or --no-egress grants fewer rights." in rejected.stderr
    assert "cap:client.read  read your clients" in rejected.stderr and "cap:storage.kv" not in rejected.stderr
    assert "  waiting    2.0.0, for your consent to: cap:client.read, api.example.com" in command("show", NAME, *DATA).stdout.splitlines()
    assert "Version 2.0.0 waits for your consent to: cap:client.read, api.example.com" in command("grants", "list", NAME, *DATA).stdout
    response = json_result(command("upgrade", NAME, "--yes", "--json", *DATA))
    assert (response["from_version"], response["version"]) == ("1.0.0", "2.0.0")
    assert (response["granted"], response["egress"]) == (["cap:client.read", "cap:storage.kv"], ["api.example.com"])


def test_rollback_restores_the_previous_version_and_its_rights(command: Command, publish: Callable[..., None]) -> None:
    nothing = command("rollback", NAME, "--json", *DATA)
    assert (nothing.returncode, json.loads(nothing.stdout)["error"]) == (1, "nothing_to_roll_back")
    publish("2.0.0", capabilities=["cap:storage.kv", "cap:client.read"])
    command("upgrade", NAME, "--yes", *DATA)
    done = command("rollback", NAME, *DATA)
    assert done.stdout.splitlines()[0] == "Rolled back from 2.0.0 to 1.0.0"
    assert "  granted    cap:storage.kv" in done.stdout.splitlines()
    assert "  previous   2.0.0" in command("show", NAME, *DATA).stdout.splitlines()


def test_missing_schedules_prevent_an_upgrade_unless_they_are_disabled(
    command: Command, publish: Callable[..., None], tmp_path: Path
) -> None:
    asyncio.run(_schedule(tmp_path / "data/holdfast.db"))
    publish("2.0.0", api={"endpoints": [{"method": "GET", "path": "/other", "handler": "dist/main"}]}, capabilities=["cap:storage.kv"])
    rejected = command("upgrade", NAME, "--json", *DATA)
    response = json.loads(rejected.stdout)
    assert (rejected.returncode, response["error"]) == (1, "SCHEDULE_REMAP_FAILED")
    assert [(one["method"], one["path"]) for one in response["details"]["missing"]] == [("GET", "/ping")]
    done = command("upgrade", NAME, "--disable-missing-schedules", *DATA)
    assert done.returncode == 0 and "of GET /ping" in done.stdout
    assert "(disabled)" in command("show", NAME, *DATA).stdout


def test_installing_a_newer_version_upgrades_with_fewer_rights_than_it_requests(command: Command, publish: Callable[..., None]) -> None:
    publish("2.0.0", capabilities=["cap:storage.kv", "cap:client.read"], egress=["api.example.com"])
    command("config", "set", NAME, "kept=1", *DATA)
    installed = command("install", f"{NAME}@2.0.0", "--yes", "--only", "cap:storage.kv", "--no-egress", "api.example.com", "--json", *DATA)
    assert (json_result(installed)["version"], json_result(installed)["granted"], json_result(installed)["egress"]) == (
        "2.0.0",
        ["cap:storage.kv"],
        [],
    )
    assert json_result(command("config", "get", NAME, "--json", *DATA))["config"] == {"kept": 1}


async def _schedule(file: Path) -> None:
    db = Database(f"sqlite+aiosqlite:///{file}")
    try:
        async with db.transaction() as session:
            install = (await session.scalars(select(TenantExtensionInstall))).one()
            endpoint = (
                await session.scalars(select(ExtensionApiEndpoint).where(ExtensionApiEndpoint.version_id == install.version_id))
            ).one()
            session.add(
                TenantExtensionSchedule(install_id=install.id, tenant_id=install.tenant_id, endpoint_id=endpoint.id, cron="0 3 * * *")
            )
    finally:
        await db.close()
