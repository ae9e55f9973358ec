"""`holdfast schedules`: what people read, and `run` with and without a scheduler. test_server_mode.py has the other modes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tests.cli.command_runner import Done, Platform, run

NAME = "com.example.sample"
DATA = ("--data-dir", "data")


def test_without_a_scheduler_nothing_is_run(command: Callable[..., Done], extension: Path) -> None:
    assert command("install", extension, *DATA).returncode == 0
    created = command("schedules", "create", NAME, "/ping", "0 9 * * *", "--name", "Daily", *DATA)
    assert created.returncode == 0, created.stderr
    endpoint, due = (line.split() for line in created.stdout.splitlines()[2:4])
    assert (endpoint, due) == (["endpoint", "GET", "/ping"], ["due", "0", "9", "*", "*", "*", "UTC"])
    listed = command("schedules", "list", *DATA).stdout.splitlines()
    assert listed[0].split() == ["EXTENSION", "NAME", "CRON", "TIME", "ZONE", "ENDPOINT", "STATE", "NEXT", "LAST", "ID"]
    assert len(listed) == 2
    assert "Daily: 0 9 * * * UTC, GET /ping, next 2" in command("show", NAME, *DATA).stdout
    for options in ((), ("--no-wait",)):
        refused = command("schedules", "run", NAME, "Daily", *options, *DATA)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr.splitlines()[-1] == (
            "No scheduler is running, so nothing would start the run. Start the platform with `holdfast up`, then run the schedule again."
        )
    assert json.loads(command("schedules", "history", NAME, "--json", *DATA).stdout) == {"runs": [], "nextCursor": None}


def test_a_platform_runs_a_disabled_schedule_and_the_history_shows_it(platform: Platform, tmp_path: Path) -> None:
    platform.ready()
    data = ("--data-dir", platform.data_dir)
    assert run("schedules", "create", NAME, "/ping", "0 9 * * *", "--name", "Daily", "--disabled", *data, cwd=tmp_path).returncode == 0
    done = run("schedules", "run", NAME, "Daily", *data, cwd=tmp_path)
    assert (done.returncode, done.stdout.split(":")[0]) == (0, "success"), done
    (shown,) = json.loads(run("schedules", "history", NAME, "--json", *data, cwd=tmp_path).stdout)["runs"]
    assert (shown["status"], shown["cause"], shown["attempts"], shown["httpStatus"]) == ("success", "manual", 1, 200)
    line = run("schedules", "history", NAME, "Daily", *data, cwd=tmp_path).stdout.splitlines()[1].split()
    assert (line[2], line[3], line[-3:][1:]) == ("Daily", "manual", ["success", "1"])
    started = run("schedules", "run", NAME, "Daily", "--no-wait", *data, cwd=tmp_path)
    assert (started.returncode, len(started.stdout.strip())) == (0, 36)
