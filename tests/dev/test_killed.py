"""What a killed part of `holdfast dev` leaves: no process, no lock that stops the next start, no folder that stays."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import psutil

from tests.dev.dev_process import DevProcess, number_source, save, write_handler_extension, write_page_extension
from tests.waiting import MAX_WAIT_SECONDS, wait_until

NEVER_ENDS = "setInterval(() => {}, 1000)"


def descendant(dev: DevProcess, *words: str) -> psutil.Process | None:
    """A process below this run whose command line has all the words."""
    for process in dev.family()[1:]:
        try:
            line = " ".join(process.cmdline())
        except psutil.Error:
            continue
        if all(word in line for word in words):
            return process
    return None


def find(dev: DevProcess, *words: str) -> psutil.Process:
    """The same, as soon as it runs."""
    found: list[psutil.Process] = []

    def is_there() -> bool:
        found[:] = [process for process in [descendant(dev, *words)] if process is not None]
        return bool(found)

    wait_until(is_there, dev.described)
    return found[0]


def assert_ended(family: list[psutil.Process]) -> None:
    assert psutil.wait_procs(family, timeout=MAX_WAIT_SECONDS)[1] == []


def left_in(folder: Path) -> list[str]:
    """Temporary files below a folder, but for the cache that Node.js keeps between processes."""
    names = {"holdfast-", ".holdfast-work-", ".work-", "hf", "tmp"}
    return sorted(path.name for path in folder.rglob("*") if path.name.startswith(tuple(names)) and path.suffix != ".db")


def temporary_folder(folder: Path) -> Path:
    made = folder / "t"
    made.mkdir()
    return made


def write_script(project: Path, script: str) -> Path:
    """Gives the project a build script of its own."""
    (project / "package.json").write_text(json.dumps({"scripts": {"build": f'node -e "{script}"'}}))
    return project


def test_a_killed_tool_is_replaced_and_a_killed_platform_ends_the_session(tmp_path: Path) -> None:
    project, temporary = write_handler_extension(tmp_path / "alpha", "alpha"), temporary_folder(tmp_path)
    with DevProcess(tmp_path, project, TMPDIR=str(temporary)) as dev:
        dev.wait_for("watching")
        node = find(dev, "serve.mjs")
        node.kill()
        assert_ended([node])
        seen = len(dev.events)
        save(project / "src" / "number.ts", number_source(1))
        dev.wait_for("built", after=seen)
        with dev.client() as http:
            assert http.get("/api/ext/com.example.alpha/n").json() == {"number": 1}

        family = dev.family()
        find(dev, "holdfast.dev.platform_child").send_signal(signal.SIGKILL)
        assert dev.process.wait(timeout=MAX_WAIT_SECONDS) == 1
        assert_ended(family)
        assert "The platform ended (exit code -9)." in Path(dev.errors.name).read_text()

    with DevProcess(tmp_path, project, TMPDIR=str(temporary)) as dev:
        dev.wait_for("watching")
        dev.process.terminate()
        assert dev.process.wait(timeout=MAX_WAIT_SECONDS) == 0
    assert left_in(temporary) == []


def test_a_killed_session_leaves_no_process_and_the_next_one_starts(tmp_path: Path) -> None:
    """It is killed while the own build script of one project runs, which would never end, and the tools of another are warm."""
    handler = write_handler_extension(tmp_path / "alpha", "alpha")
    scripted = write_script(write_page_extension(tmp_path / "pages"), NEVER_ENDS)
    temporary = temporary_folder(tmp_path)
    with DevProcess(tmp_path, handler, scripted, TMPDIR=str(temporary)) as dev:
        dev.wait_for("built", extension="alpha")
        for words in ("serve.mjs", NEVER_ENDS, "read -r end"):
            find(dev, words)
        family = dev.family()
        dev.process.kill()
        dev.process.wait(timeout=MAX_WAIT_SECONDS)
        assert_ended(family)
    assert left_in(temporary) != []

    write_script(scripted, "")
    with DevProcess(tmp_path, handler, scripted, TMPDIR=str(temporary)) as dev:
        dev.wait_for("watching")
        assert dev.count("failed") == 0, dev.described()
        dev.process.terminate()
        assert dev.process.wait(timeout=MAX_WAIT_SECONDS) == 0
    for folder in (temporary, dev.data_dir, handler, scripted):
        assert left_in(folder) == []
