"""Saves in random order and rhythm, half of them broken: the served answer is always that of the last good save."""

from __future__ import annotations

import random
from pathlib import Path

import httpx2
import psutil

from tests.dev.dev_process import (
    BROKEN_SOURCE,
    DevProcess,
    number_source,
    save,
    write_page_extension,
)
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS, wait_until

NAMES = ("alpha", "beta")


class Handler:
    """One of the extensions with a handler: what was saved, and what may be served."""

    def __init__(self, dev: DevProcess, http: httpx2.Client, name: str) -> None:
        self.source = dev.data_dir.parent / name / "src" / "number.ts"
        self._http = http
        self._path = f"/api/ext/com.example.{name}/n"
        self.good = [http.get(self._path).json()["number"]]
        """What may be served: the last number that a call saw, and the good saves since."""
        self.is_broken = False

    def save(self, number: int, *, broken: bool) -> None:
        save(self.source, BROKEN_SOURCE if broken else number_source(number))
        self.is_broken = broken
        if not broken:
            self.good.append(number)

    def call(self) -> None:
        """Calls at once: the call waits for the build. Only a save that a broken one replaced before it was read may be missing."""
        response = self._http.get(self._path)
        assert response.status_code == 200, response.text
        number = response.json()["number"]
        assert number == self.good[-1] if not self.is_broken else number in self.good
        self.good = [number]


def test_the_answer_is_that_of_the_last_good_save(dev: DevProcess) -> None:
    choices = random.Random(12)
    saves = repetitions(25, long=200)
    before = dev.count("built", "failed")
    page = dev.data_dir.parent / "pages" / "ui" / "main.js"
    with dev.client() as http:
        handlers = [Handler(dev, http, name) for name in NAMES]
        for number in range(1, saves + 1):
            place = choices.randrange(3)
            if place == 2:
                save(page, f"document.querySelector('output').textContent = '{number}';")
            else:
                handlers[place].save(number, broken=choices.random() < 0.5)
            # The rhythm: some saves follow at once, others after a call, which waits for the build.
            if place < 2 and choices.random() < 0.6:
                handlers[place].call()
        for handler in handlers:
            handler.call()
            handler.save(1_000_000, broken=False)
            handler.call()
            assert handler.good == [1_000_000]
    # No build was doubled, and none follows another without a save.
    wait_until(lambda: _is_quiet(dev), dev.described)
    assert dev.count("built", "failed") - before <= saves + 2


def _is_quiet(dev: DevProcess) -> bool:
    """Whether the last build of each extension is about its source as it is."""
    last = {event["extension"]: event for event in dev.events if event["event"] in ("built", "failed")}
    return all(event["event"] == "built" for event in last.values())


def test_a_save_says_what_triggered_it_and_a_call_has_its_line(dev: DevProcess) -> None:
    after = len(dev.events)
    save(dev.data_dir.parent / "alpha" / "src" / "number.ts", number_source(7_777))
    built = dev.wait_for("built", after=after, extension="alpha")
    assert built["changed"] == ["src/number.ts"]
    assert built["isNew"]
    assert 0 < built["buildMs"] <= built["liveMs"]
    with dev.client() as http:
        assert http.get("/api/ext/com.example.alpha/n").json() == {"number": 7_777}
    call = dev.wait_for("call", after=after, extension="alpha")
    assert (call["route"], call["status"]) == ("GET /n", 200)
    # A line of an earlier test's call can still arrive.
    wait_until(lambda: ("warn", "number 7777") in [(log["level"], log["message"]) for log in dev.events[after:] if log["event"] == "log"])


def test_a_call_that_is_refused_has_its_line_with_the_reason(dev: DevProcess) -> None:
    after = len(dev.events)
    with dev.client() as http:
        response = http.put("/api/ext/com.example.alpha/nowhere", json={})
    assert response.status_code == 404
    call = dev.wait_for("call", after=after, extension="alpha")
    assert (call["route"], call["status"], call["refused"]) == ("PUT /nowhere", 404, "endpoint_not_found")
    assert response.json()["message"] in call["message"]


def test_a_failed_build_names_file_line_and_source(dev: DevProcess) -> None:
    after = len(dev.events)
    source = dev.data_dir.parent / "beta" / "src" / "number.ts"
    save(source, "export const number = 1;\nexport const broken = ((;\n")
    failed = dev.wait_for("failed", after=after, extension="beta")
    assert failed["changed"] == ["src/number.ts"]
    (problem,) = failed["details"]["problems"]
    assert (problem["file"], problem["line"]) == ("src/number.ts", 2)
    save(source, number_source(5))
    dev.wait_for("built", after=after, extension="beta")


def test_capabilities_of_the_manifest_are_granted_and_revoked(dev: DevProcess) -> None:
    path = dev.data_dir.parent / "beta" / "manifest.json"
    manifest = path.read_text()
    after = len(dev.events)
    save(path, manifest.replace('"cap:log.emit"', '"cap:log.emit", "cap:storage.kv"'))
    assert dev.wait_for("built", after=after, extension="beta")["granted"] == ["cap:storage.kv"]
    after = len(dev.events)
    save(path, manifest)
    assert dev.wait_for("built", after=after, extension="beta")["revoked"] == ["cap:storage.kv"]


def test_a_platform_that_was_joined_keeps_running_and_no_process_is_left(dev: DevProcess, tmp_path: Path) -> None:
    """A second `holdfast dev` joins the platform of the first. It is stopped by SIGKILL; the first one does not notice."""
    project = write_page_extension(tmp_path / "joined", "joined")
    second = DevProcess(tmp_path, project, "--data-dir", dev.data_dir)
    with second:
        second.wait_for("watching")
        assert second.wait_for("platform")["is_own"] is False
        family = second.family()
        second.process.kill()
        second.process.wait(timeout=MAX_WAIT_SECONDS)
        _, left = psutil.wait_procs(family, timeout=MAX_WAIT_SECONDS)
        assert left == []
    with dev.client() as http:
        assert http.get("/api/ext/com.example.alpha/n").status_code == 200
    assert dev.process.poll() is None


def test_no_process_is_left_after_sigkill(tmp_path: Path) -> None:
    with DevProcess(tmp_path, write_page_extension(tmp_path / "killed", "killed")) as started:
        started.wait_for("watching")
        family = started.family()
        # Gateway and runner are processes of their own.
        assert len(family) > 2
        started.process.kill()
        started.process.wait(timeout=MAX_WAIT_SECONDS)
        _, left = psutil.wait_procs(family, timeout=MAX_WAIT_SECONDS)
        assert left == []
