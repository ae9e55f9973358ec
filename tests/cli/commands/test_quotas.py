"""`holdfast quotas`."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.cli.command_runner import Done, write_extension

DATA = ("--data-dir", "data")
NAME = "Example.com.example.sample"

Command = Callable[..., Done]


def use(database: Path, registry_id: str, *, days_ago: int = 0, calls: int = 0, egress_bytes: int = 0) -> None:
    """Writes what a gateway would have counted."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    day = (today - timedelta(days=days_ago)).isoformat(sep=" ", timespec="microseconds")
    with closing(sqlite3.connect(database)) as connection, connection:
        (tenant,) = connection.execute("SELECT tenant_id FROM tenant_extension_install").fetchone()
        connection.execute(
            "INSERT INTO extension_quota_usage (tenant_id, registry_id, window_start, cpu_ms, mem_mb_ms, invocations, egress_bytes)"
            " VALUES (?, ?, ?, 12, 0, ?, ?)",
            (tenant, registry_id, day, calls, egress_bytes),
        )


def test_what_is_used_today_is_shown_with_its_limits_and_warnings(command: Command, tmp_path: Path) -> None:
    installed = command("install", write_extension(tmp_path / "sample"), "--json", *DATA)
    registry_id = json.loads(installed.stdout)["registry_id"]
    database = next(tmp_path.rglob("holdfast.db"))
    use(database, registry_id, calls=85, egress_bytes=2_000)
    use(database, registry_id, days_ago=1, calls=1_000_000)
    limits = {"HOLDFAST_QUOTA_CALLS": "100", "HOLDFAST_QUOTA_EGRESS_BYTES": "1999"}
    shown = command("quotas", *DATA, **limits)
    rows = {line.split()[1]: line.split()[2:] for line in shown.stdout.splitlines()[1:]}
    assert rows["calls"] == ["85", "(85", "%)", "100", "80", "%", "reached"]
    assert rows["cpu_ms"] == ["12", "none"]
    assert rows["egress_bytes"] == ["2,000", "(100", "%)", "1,999", "used", "up"]
    assert rows["storage_bytes"] == ["0", "(0", "%)", "268,435,456"]
    assert "begins again at" in shown.stderr
    result = json.loads(command("quotas", NAME, "--json", *DATA, **limits).stdout)["quotas"]
    assert [one["quota"] for one in result[0]["quotas"]] == ["calls", "cpu_ms", "fuel", "egress_bytes", "storage_bytes"]
    assert [one["state"] for one in result[0]["quotas"]] == ["warning", "ok", "ok", "exceeded", "ok"]


def test_without_an_install_there_is_nothing_to_show(command: Command) -> None:
    assert json.loads(command("quotas", "--json", *DATA).stdout) == {"quotas": []}
    assert "No extensions are installed." in command("quotas", *DATA).stderr
    unknown = command("quotas", "unknown", "--json", *DATA)
    assert (unknown.returncode, json.loads(unknown.stdout)["error"]) == (1, "not_installed")


def test_an_install_gets_limits_of_its_own_and_loses_them_again(command: Command, tmp_path: Path) -> None:
    command("install", write_extension(tmp_path / "sample"), "--json", *DATA)
    done = command("quotas", "set", NAME, "--calls", "5", "--storage", "0", *DATA, HOLDFAST_QUOTA_CALLS="3")
    rows = {line.split()[1]: line.split()[2:] for line in done.stdout.splitlines()[1:]}
    assert rows["calls"] == ["0", "(0", "%)", "5", "(its", "own)"]
    assert rows["storage_bytes"] == ["0", "none", "(its", "own)"]
    shown = command("show", NAME, *DATA).stdout
    assert "calls: 0 of 5 (its own)" in shown
    assert "storage_bytes: 0 of no limit (its own)" in shown
    done = command("quotas", "set", NAME, "--default", "--fuel", "7", "--json", *DATA)
    own = {use["quota"]: use["limit"] for use in json.loads(done.stdout)["quotas"][0]["quotas"] if use["is_own"]}
    assert own == {"fuel": 7}
    nothing = command("quotas", "set", NAME, "--json", *DATA)
    assert (nothing.returncode, json.loads(nothing.stdout)["error"]) == (1, "quota_not_given")
    assert command("quotas", "set", NAME, "--calls", "-1", *DATA).returncode != 0
