"""A platform that `holdfast dev` has joined stops and starts again: it is reported once, and what changed meanwhile is installed then."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.cli.command_runner import Platform, run
from tests.dev.dev_process import DevProcess, save, write_page_extension
from tests.events.recording_server import free_port
from tests.waiting import MAX_WAIT_SECONDS


def test_what_is_saved_while_the_platform_is_away_is_installed_when_it_is_back(tmp_path: Path) -> None:
    port = free_port()
    extension = write_page_extension(tmp_path / "pages")
    with Platform(tmp_path, port=port) as platform:
        platform.ready()
        with DevProcess(tmp_path, extension, "--data-dir", platform.data_dir) as dev:
            first = dev.wait_for("built")
            dev.wait_for("watching")
            platform.process.send_signal(signal.SIGTERM)
            assert platform.process.wait(timeout=MAX_WAIT_SECONDS) == 0
            dev.wait_for("platform_lost")

            # Without a platform, the new version goes into the data folder.
            seen = len(dev.events)
            save(extension / "ui" / "style.css", "h1 { color: red }")
            second = dev.wait_for("built", after=seen)
            assert second["contentHash"] != first["contentHash"]

            with Platform(tmp_path, port=port) as again:
                again.ready()
                dev.wait_for("platform_back", after=seen)
                listed = json.loads(run("list", "--json", "--data-dir", again.data_dir, cwd=tmp_path).stdout)
                assert [one["content_hash"] for one in listed["extensions"]] == [second["contentHash"]]
            assert dev.count("platform_back") == 1
            assert b"development_session_lost" not in Path(dev.errors.name).read_bytes()
