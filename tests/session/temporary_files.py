"""Gives the tests a temporary folder of their own, and fails the run when one of them leaves something behind in it.

Processes that the tests start inherit the folder by TMPDIR. The folders of `tmp_path` are elsewhere, under pytest's retention policy.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import psutil
import pytest

_PREFIX = "hft-"
_TOLERATED = ("gw", "node-compile-cache", "v8-compile-cache", "pymp-")
"""The folders of this run's workers, the caches that Node.js keeps between processes, and the sockets of multiprocessing."""

_folder = pytest.StashKey[Path]()
_previous = pytest.StashKey[str]()
_seen = pytest.StashKey[dict[str, str]]()
_left = pytest.StashKey[list[str]]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # Where pytest keeps `tmp_path` stays the same; otherwise a failed test's files would go with our folder.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.gettempdir())
    folder = _own_folder(config)
    # PostgreSQL runs as another user, and must reach its own folder.
    folder.chmod(0o711)
    config.stash[_folder], config.stash[_previous] = folder, tempfile.gettempdir()
    config.stash[_seen], config.stash[_left] = {}, []
    # At the end of the process, after multiprocessing has removed its own folder in there, which it does at priority -100.
    Finalize(None, shutil.rmtree, (folder,), {"ignore_errors": True}, exitpriority=-200)
    _use(str(folder))


def pytest_unconfigure(config: pytest.Config) -> None:
    _use(config.stash[_previous])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    result = yield
    seen = item.config.stash[_seen]
    for name in _entries(item.config):
        seen.setdefault(name, item.nodeid)
    return result


# Last, when every fixture has ended.
@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    seen = config.stash[_seen]
    left = [f"{name}, after {seen.get(name, 'the session')}" for name in _entries(config)]
    workeroutput = getattr(config, "workeroutput", None)
    if workeroutput is not None:
        workeroutput["left"] = left
        return
    config.stash[_left] += left
    if config.stash[_left] and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended."""
    node.config.stash[_left] += getattr(node, "workeroutput", {}).get("left", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if left := config.stash[_left]:
        terminalreporter.section("Left behind in the temporary folder", red=True)
        for line in left:
            terminalreporter.line(line)


def _own_folder(config: pytest.Config) -> Path:
    # Short names: Chromium makes a socket below it, and the path of a socket has at most 107 bytes.
    parent = Path(tempfile.gettempdir())
    workerinput = getattr(config, "workerinput", None)
    if workerinput is not None:
        folder = parent / str(workerinput["workerid"])
        folder.mkdir()
        return folder
    _remove_abandoned(parent)
    return Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))


def _remove_abandoned(parent: Path) -> None:
    """Removes the folders of runs that were killed."""
    for folder in parent.glob(f"{_PREFIX}*-*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not (owner.isdecimal() and psutil.pid_exists(int(owner))):
            shutil.rmtree(folder, ignore_errors=True)


def _use(folder: str) -> None:
    os.environ["TMPDIR"] = folder
    tempfile.tempdir = folder


def _entries(config: pytest.Config) -> list[str]:
    return sorted(path.name for path in config.stash[_folder].iterdir() if not path.name.startswith(_TOLERATED))
