"""A session goes on when an extension gets another name, and when its manifest or its first build is broken at the start."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from holdfast.author.errors import BuildFailed
from holdfast.bundles.manifest.model import parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.dev.failures import failed_state, failed_text
from holdfast.dev.outcome_lines import show_outcome
from holdfast.dev.project_loop import Outcome
from holdfast.dev.terminal.screen import Screen
from holdfast.gateway.development.reports import BuildState
from tests.cli.command_runner import run
from tests.dev.dev_process import BROKEN_SOURCE, DevProcess, number_source, save, write_handler_extension, write_page_extension
from tests.waiting import wait_until


@contextmanager
def joined(dev: DevProcess, folder: Path, *arguments: str | Path, **options: Any) -> Iterator[DevProcess]:
    """Another session on the platform of `dev`."""
    with DevProcess(folder, *arguments, "--data-dir", dev.data_dir, **options) as session:
        session.wait_for("watching")
        yield session


def rename(project: Path, name: str) -> None:
    manifest = json.loads((project / "manifest.json").read_text())
    save(project / "manifest.json", json.dumps(manifest | {"name": f"com.example.{name}"}, indent=2))


def error_of(http: httpx2.Client, name: str) -> str:
    """The error of a call that no manifest declares: `endpoint_not_found` of an extension that is installed."""
    error: str = http.get(f"/api/ext/com.example.{name}/undeclared").json()["error"]
    return error


def built_as(session: DevProcess, name: str, after: int) -> dict[str, Any]:
    """The event of the build that gave the extension this name."""
    wait_until(lambda: any(event.get("renamed", {}).get("new") == name for event in session.events[after:]), session.described)
    found: dict[str, Any] = next(e for e in session.events[after:] if e.get("renamed", {}).get("new") == name)["renamed"]
    return found


def test_a_new_name_replaces_the_install_that_the_session_made(dev: DevProcess, tmp_path: Path) -> None:
    project = write_handler_extension(tmp_path / "first", "first")
    with joined(dev, tmp_path, project) as session, dev.client() as http:
        old_page = session.wait_for("installed")["page"]
        after = len(session.events)
        rename(project, "second")
        renamed = built_as(session, "Example.com.example.second", after)
        assert (renamed["old"], renamed["stays"]) == ("Example.com.example.first", False)
        assert renamed["storage_until"] is not None
        assert session.wait_for("installed", after=after)["page"] != old_page
        # At once: nothing is built under the old name any more, so no call of it waits.
        assert [error_of(http, name) for name in ("first", "second")] == ["extension_not_available", "endpoint_not_found"]
        refused = session.wait_for("call", after=after)
        assert (refused["status"], refused["refused"]) == (404, "endpoint_not_found")
        # Calls of the new name wait for builds, and have their lines.
        save(project / "src" / "number.ts", number_source(41))
        assert http.get("/api/ext/com.example.second/n").json() == {"number": 41}
        wait_until(lambda: any(event.get("status") == 200 for event in session.events[after:]), session.described)


def test_an_older_install_stays_under_its_name(dev: DevProcess, tmp_path: Path) -> None:
    project = write_page_extension(tmp_path / "older", "older")
    run("install", project, "--data-dir", dev.data_dir, cwd=tmp_path)
    with joined(dev, tmp_path, project, write_page_extension(tmp_path / "third", "third")) as session:
        rename(project, "newer")
        assert built_as(session, "Example.com.example.newer", 0)["stays"] is True
        with dev.client() as http:
            assert {error_of(http, name) for name in ("older", "newer")} == {"endpoint_not_found"}
        # The name of another project of the run is refused, and the last version keeps serving.
        after = len(session.events)
        rename(project, "third")
        failed = session.wait_for("failed", after=after, extension="older")
        assert (failed["error"], failed["changed"]) == ("project_named_twice", ["manifest.json"])
        rename(project, "newer")
        session.wait_for("built", after=after, extension="older")


def test_a_broken_start_is_reported_and_the_next_good_save_starts_the_extension(dev: DevProcess, tmp_path: Path) -> None:
    manifest = write_page_extension(tmp_path / "invalid", "invalid") / "manifest.json"
    good = manifest.read_text()
    manifest.write_text(good.replace('"version": "1.0.0",', '"version": 1,'))
    failing = write_handler_extension(tmp_path / "failing", "failing")
    save(failing / "src" / "number.ts", BROKEN_SOURCE)
    with joined(dev, tmp_path, manifest.parent, failing) as session, dev.client() as http:
        [issue] = session.wait_for("failed", extension="invalid")["details"]["issues"]
        assert (issue["path"], issue["line"]) == ("version", 4)
        [problem] = session.wait_for("failed", extension="failing")["details"]["problems"]
        assert (problem["file"], problem["line"]) == ("src/number.ts", 1)
        save(manifest, good)
        session.wait_for("installed", extension="invalid")
        save(failing / "src" / "number.ts", number_source(3))
        session.wait_for("installed", extension="failing")
        assert http.get("/api/ext/com.example.failing/n").json() == {"number": 3}
        # From then on its calls wait for builds.
        save(failing / "src" / "number.ts", number_source(4))
        assert http.get("/api/ext/com.example.failing/n").json() == {"number": 4}


def test_alga_component_dev_develops_the_named_folder(dev: DevProcess, tmp_path: Path) -> None:
    """`alga component dev NAME --directory DIR`, with the options of `holdfast dev` after it."""
    project = write_page_extension(tmp_path / "projects" / "thing", "thing")
    alga = (sys.executable, "-m", "holdfast.cli.alga", "component", "dev")
    with joined(dev, tmp_path, "thing", "--directory", "projects", command=alga) as session:
        assert session.wait_for("platform")["is_own"] is False
        assert session.wait_for("installed", extension="thing")["registryId"]
        after = len(session.events)
        save(project / "ui" / "style.css", "h1 { color: blue }")
        assert session.wait_for("built", after=after)["changed"] == ["ui/style.css"]


def test_an_invalid_manifest_is_shown_with_the_lines_around_each_problem(tmp_path: Path) -> None:
    text = '{\n  "name": "com.example.a",\n  "version": "1.0.0",\n  "publisher": 3,\n  "runtime": "wasm-js@1"\n}\n'
    (tmp_path / "manifest.json").write_text(text)
    try:
        parse_manifest(text.encode())
    except ManifestError as error:
        shown = failed_text(tmp_path, error)
        state = failed_state(tmp_path, error, BuildState(status="building"))
    assert shown.startswith("manifest.json is invalid.\n\nmanifest.json:4:16: publisher: expected text, found 3")
    assert '> 4 │   "publisher": 3,' in shown
    assert "Correct manifest.json" in shown
    [problem] = state.problems
    assert (problem.file, problem.line, problem.column) == ("manifest.json", 4, 16)
    assert problem.frame is not None and '> 4 │   "publisher": 3,' in problem.frame


@pytest.mark.parametrize(("is_serving", "last"), [(True, "The last good version keeps serving."), (False, "Waiting for a change.")])
def test_a_failure_says_whether_a_version_serves(tmp_path: Path, is_serving: bool, last: str) -> None:
    written = io.StringIO()
    failure = Outcome(changed=(tmp_path / "manifest.json",), error=BuildFailed("It is broken."), is_serving=is_serving)
    show_outcome(Screen(written), "x", tmp_path, failure)
    assert written.getvalue().splitlines()[-1].endswith(last)
