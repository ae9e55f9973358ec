"""The options that a parent starts its workers with, and what a worker reports."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from holdfast.errors import HoldfastError
from holdfast.processes.sockets import listen, port_of
from holdfast.processes.worker_options import READY, WorkerOptions, parse_options, run_reporting


@pytest.fixture
def reports() -> Iterator[tuple[int, int]]:
    """Both ends of a pipe."""
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)
        os.close(writing)


def test_a_worker_reads_the_options_that_its_parent_wrote() -> None:
    given = WorkerOptions(fd=7, unix_fd=8, parent_pipe=0, report_pipe=9, worker=2, stop_seconds=4)
    command = given.command("holdfast.runner")
    assert command[1:3] == ["-m", "holdfast.runner"]
    assert parse_options(command[3:], module="holdfast.runner", description="", stop_seconds=30) == given


def test_what_is_not_given_has_its_default() -> None:
    assert parse_options([], module="m", description="", stop_seconds=30) == WorkerOptions(stop_seconds=30)


def test_the_inherited_socket_is_the_one_of_the_parent() -> None:
    with closing(listen("127.0.0.1", 0, purpose="a test", variable="")) as listening:
        inherited = WorkerOptions(fd=os.dup(listening.fileno()), stop_seconds=1).inherited_socket()
        assert inherited is not None
        with closing(inherited):
            assert port_of(inherited) == port_of(listening)
    assert WorkerOptions(stop_seconds=1).inherited_socket() is None


def test_readiness_is_one_line(reports: tuple[int, int]) -> None:
    def run(on_ready: Callable[[], None]) -> None:
        on_ready()

    assert run_reporting(WorkerOptions(report_pipe=reports[1], stop_seconds=1), run, service="The gateway") == 0
    assert os.read(reports[0], 100).decode() == f"{READY}\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [(HoldfastError("No key.", hint="Set\none."), "No key. Set one."), (OSError("full"), "The gateway cannot start: full.")],
)
def test_an_error_at_the_start_is_reported_in_one_line(
    error: Exception, line: str, reports: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    def run(on_ready: Callable[[], None]) -> None:
        raise error

    assert run_reporting(WorkerOptions(report_pipe=reports[1], stop_seconds=1), run, service="The gateway") == 1
    assert os.read(reports[0], 1_000).decode() == f"{line}\n"
    assert capsys.readouterr().err.split() == line.split()


def test_without_a_parent_nothing_is_reported_and_the_error_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def run(on_ready: Callable[[], None]) -> None:
        on_ready()
        raise ValueError("odd")

    assert run_reporting(WorkerOptions(stop_seconds=1), run, service="The runner") == 1
    assert capsys.readouterr().err == "The runner cannot start: odd.\n"
