"""Build tools run until they end, and never outlive their caller."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import psutil
import pytest

from holdfast.author.errors import BuildToolError
from holdfast.author.tools.process import ToolResult, run
from tests.waiting import MAX_WAIT_SECONDS, until


def is_alive(pid: int) -> bool:
    """Whether a process runs. A killed child that was not waited for (a zombie) does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def started(pid_file: Path) -> int:
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while not (pid_file.is_file() and pid_file.read_text().strip()):
            await asyncio.sleep(0)
    return int(pid_file.read_text())


async def test_the_result_has_the_status_and_both_streams(tmp_path: Path) -> None:
    done = await run(["sh", "-c", "cat; echo out; echo err >&2; exit 3"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS, stdin=b"in\n")
    assert (done.status, done.stdout, done.stderr) == (3, "in\nout\n", "err\n")
    assert done.last_lines(1) == "err"


async def test_a_tool_sees_no_secret_of_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RUNNER_SERVICE_TOKEN", "HOLDFAST_SECRETS_KEY", "S3_SECRET_KEY", "VAULT_TOKEN", "DATABASE_URL", "ALGA_API_KEY"):
        monkeypatch.setenv(name, "hunter2")
    monkeypatch.setenv("COLOUR", "blue")
    done = await run(["env"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)
    assert "hunter2" not in done.stdout
    assert "COLOUR=blue" in done.stdout


async def test_a_tool_may_end_without_reading_its_input(tmp_path: Path) -> None:
    done = await asyncio.gather(*(run(["true"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS, stdin=bytes(1_000_000)) for _ in range(20)))
    assert {one.status for one in done} == {0}


async def test_a_tool_reads_its_input_or_nothing(tmp_path: Path) -> None:
    assert (await run(["cat"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS, stdin=b"all of it")).stdout == "all of it"
    assert (await run(["cat"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)).stdout == ""


async def test_variables_are_added_to_the_environment(tmp_path: Path) -> None:
    done = await run(["sh", "-c", 'echo "$COLOUR $PATH"'], cwd=tmp_path, timeout=MAX_WAIT_SECONDS, environment={"COLOUR": "blue"})
    assert done.stdout == f"blue {os.environ['PATH']}\n"


async def test_a_tool_that_exceeds_its_time_limit_is_stopped(tmp_path: Path) -> None:
    with pytest.raises(BuildToolError, match="sleep did not finish within"):
        await run(["sleep", "1000"], cwd=tmp_path, timeout=0.05)


async def test_a_cancelled_run_leaves_no_child_of_the_tool_running(tmp_path: Path) -> None:
    script = f"sleep 1000 & echo $! > {tmp_path}/child; wait"
    task = asyncio.create_task(run(["sh", "-c", script], cwd=tmp_path, timeout=600))
    child = await started(tmp_path / "child")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(MAX_WAIT_SECONDS):
        while is_alive(child):
            await asyncio.sleep(0)


CALLER = """
import asyncio, sys
from pathlib import Path
from holdfast.author.tools.process import run

asyncio.run(run(["sh", "-c", "sleep 1000 & echo $! > child; wait"], cwd=Path(sys.argv[1]), timeout=600))
"""


async def test_no_child_of_a_tool_outlives_a_killed_caller(tmp_path: Path) -> None:
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", CALLER, str(tmp_path))
    child = await started(tmp_path / "child")
    family = psutil.Process(caller.pid).children(recursive=True)
    assert child in [process.pid for process in family]
    # The guard knows whom to end.
    await until(lambda: any("read -r end" in " ".join(process.cmdline()) for process in psutil.Process(caller.pid).children()))
    caller.kill()
    await caller.wait()
    await until(lambda: not any(is_alive(process.pid) for process in family))


def tools_of_this_process() -> list[int]:
    """The processes that the tools of this test consist of: `true`, `sleep`, and the shell that guards them."""
    return [child.pid for child in psutil.Process().children(recursive=True) if child.name() in {"true", "sleep", "sh"}]


async def test_nothing_is_left_of_a_tool_that_has_ended(tmp_path: Path) -> None:
    # The servers of other tests are children of this process, too. Theirs come and go.
    before = set(tools_of_this_process())
    for _ in range(3):
        await run(["true"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)
    with pytest.raises(BuildToolError):
        await run(["sleep", "1000"], cwd=tmp_path, timeout=0.05)
    await until(lambda: set(tools_of_this_process()) <= before)


@pytest.mark.parametrize(
    ("output", "line"),
    [
        ("npm error code E404\nnpm error 404 Not Found - GET /x\nnpm error A complete log of this run", "404 Not Found - GET /x"),
        (
            "npm error code ECONNREFUSED\nnpm error syscall connect\nnpm error errno ECONNREFUSED\nnpm error FetchError: refused",
            "FetchError: refused",
        ),
        ("Collecting x\nERROR: No matching distribution found for x\n", "No matching distribution found for x"),
        ("first\nlast\n\n", "last"),
        ("", "exit code 3"),
    ],
)
def test_the_line_of_a_failure_is_the_one_that_says_why(output: str, line: str) -> None:
    assert ToolResult(3, "", output).error_line() == line
