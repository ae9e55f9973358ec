"""`holdfast logs` against a running platform: what it shows, and how it follows a platform that restarts."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from holdfast.cli.commands.logs import LogOptionInvalid, parse_since
from tests.cli.command_runner import COMMAND, Done, Platform, clean_environment
from tests.waiting import MAX_WAIT_SECONDS, wait_until

FAULTY = "com.alga.test.faulty"


@contextmanager
def following(folder: Path, *arguments: str | Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`holdfast logs --follow` as a process, and the file with what it prints."""
    output = folder / "followed.log"
    with (
        output.open("wb") as file,
        subprocess.Popen(
            [*COMMAND, "logs", "--follow", *map(str, arguments)], cwd=folder, env=clean_environment(), stdout=file, stderr=file
        ) as process,
    ):
        try:
            yield process, output
        finally:
            process.kill()


def test_logs_shows_lines_of_calls_with_filters_and_follows_over_a_restart(
    tmp_path: Path, built: Callable[[str], Path], command: Callable[..., Done]
) -> None:
    data = ("--data-dir", tmp_path / "data")
    with Platform(tmp_path, built("faulty")) as platform:
        ready = platform.ready()
        none = command("logs", *data)
        assert (none.returncode, none.stdout, none.stderr) == (0, "", "No lines match.\n")
        with following(tmp_path, *data) as (process, output):
            assert command("invoke", FAULTY, "/logs", "-v", *data).returncode == 0
            assert command("invoke", FAULTY, "/throw", "-v", *data).returncode == 1
            lines = command("logs", FAULTY, *data).stdout
            assert [line[14:21].strip() for line in lines.splitlines()][:8] == ["info"] * 7 + ["info"]
            assert 'line 3 {"line":3}' in lines and "at fail (src/handler.ts:4)" in lines and "call finished: status 500" in lines
            assert FAULTY in command("logs", *data).stdout
            errors = [json.loads(line) for line in command("logs", "--level", "error", "--json", *data).stdout.splitlines()]
            assert [(line["extension"], line["message"].splitlines()[0]) for line in errors] == [
                (FAULTY, "Error: this handler always fails")
            ]
            one = command("logs", "--request", errors[0]["requestId"][:8], "--lines", "1", *data).stdout
            assert "call finished: status 500" in one and len(one.splitlines()) == 1
            key = json.loads((tmp_path / "data" / "credentials.json").read_text())["api_key"]
            served = command("logs", "--server", ready["console"], "--since", "1h", ALGA_API_KEY=key).stdout
            assert served == command("logs", *data).stdout
            called = command("invoke", FAULTY, "/ok", "--server", ready["console"], ALGA_API_KEY=key)
            assert called.returncode == 0 and called.stdout.startswith("200")
            unknown = command("logs", "com.example.unknown", *data)
            assert unknown.returncode == 1 and "is not installed" in unknown.stderr
            wait_until(lambda: "status 500" in output.read_text(), output.read_text)
            platform.process.send_signal(signal.SIGTERM)
            platform.process.wait(timeout=MAX_WAIT_SECONDS)
            wait_until(lambda: "Waiting for it." in output.read_text(), output.read_text)
            with Platform(tmp_path) as restarted:
                restarted.ready()
                command("invoke", FAULTY, "/ok", *data)
                wait_until(lambda: "call started: GET /ok" in output.read_text(), output.read_text)
            assert "responds again." in output.read_text()
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=MAX_WAIT_SECONDS) == 130
            assert "Traceback" not in output.read_text()


def test_logs_without_a_platform_prints_how_to_start_one(tmp_path: Path, command: Callable[..., Done]) -> None:
    rejected = command("logs", "--follow", "--data-dir", tmp_path / "data")
    assert (rejected.returncode, rejected.stdout) == (1, "")
    assert "No platform is running" in rejected.stderr and "holdfast up" in rejected.stderr


@pytest.mark.parametrize(("text", "ms"), [("30s", 970_000), ("10m", 400_000), ("1h", -2_600_000), ("1970-01-01T00:00:07+00:00", 7_000)])
def test_since_is_a_length_of_time_or_a_time(text: str, ms: int) -> None:
    assert parse_since(text, now=1_000) == ms


@pytest.mark.parametrize("text", ["", "soon", "10x", "-5m", "2026-13-01"])
def test_another_since_is_refused_with_examples(text: str) -> None:
    with pytest.raises(LogOptionInvalid, match="10m"):
        parse_since(text)


@pytest.mark.parametrize("lines", ["-1", "2001"])
def test_lines_have_a_limit(command: Callable[..., Done], lines: str) -> None:
    refused = command("logs", f"--lines={lines}")
    assert refused.returncode == 1 and "2000" in refused.stderr
