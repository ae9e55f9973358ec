"""The warm process of the toolchain: it survives failed builds, is replaced after a crash, and never outlives its parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.errors import BuildFailed, BuildToolError
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.toolchain import Toolchain
from tests.waiting import MAX_WAIT_SECONDS, until


def page(folder: Path, script: str) -> dict[str, Any]:
    (folder / "main.js").write_text(script)
    return {"mode": "page", "project": str(folder), "alias": {}, "entries": {"main": str(folder / "main.js")}, "out": str(folder / "out")}


async def test_one_process_answers_calls_that_overlap_and_survives_an_error(tmp_path: Path, toolchain: Toolchain) -> None:
    await toolchain.ensure()
    driver = Driver(toolchain)
    try:
        calls = [driver.call(page(tmp_path, "export {};"), what="it", timeout=MAX_WAIT_SECONDS) for _ in range(3)]
        assert [answer["ok"] for answer in await asyncio.gather(*calls)] == [True] * 3
        first = driver.pid
        failed = await driver.call(page(tmp_path, "export const = 1;"), what="it", timeout=MAX_WAIT_SECONDS)
        assert (failed["ok"], failed["errors"][0]["line"]) == (False, 1)
        assert driver.pid == first
    finally:
        await driver.close()
    assert driver.pid is None


async def test_a_killed_process_fails_its_call_and_the_next_call_starts_another(tmp_path: Path, toolchain: Toolchain) -> None:
    await toolchain.ensure()
    driver = Driver(toolchain)
    try:
        await driver.call(page(tmp_path, "export {};"), what="it", timeout=MAX_WAIT_SECONDS)
        first = driver.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        stopped = asyncio.ensure_future(driver.call(page(tmp_path, "export {};"), what="it", timeout=MAX_WAIT_SECONDS))
        await asyncio.sleep(0)
        os.kill(first, signal.SIGKILL)
        with pytest.raises(BuildFailed, match="it cannot be built"):
            await stopped
        assert (await driver.call(page(tmp_path, "export {};"), what="it", timeout=MAX_WAIT_SECONDS))["ok"]
        assert driver.pid not in {None, first}
    finally:
        await driver.close()


async def test_a_call_that_takes_too_long_leaves_no_process(tmp_path: Path, toolchain: Toolchain) -> None:
    await toolchain.ensure()
    driver = Driver(toolchain)
    try:
        await driver.call(page(tmp_path, "export {};"), what="it", timeout=MAX_WAIT_SECONDS)
        assert driver.pid is not None
        os.kill(driver.pid, signal.SIGSTOP)
        with pytest.raises(BuildToolError, match="was not built within"):
            await driver.call(page(tmp_path, "export {};"), what="it", timeout=0.1)
        assert driver.pid is None
    finally:
        await driver.close()


PARENT = """
import asyncio, sys
from pathlib import Path
from holdfast.author.tools.driver import Driver
from holdfast.author.tools.toolchain import Toolchain

async def main():
    driver = Driver(Toolchain(Path(sys.argv[1])))
    folder = sys.argv[2]
    request = {"mode": "page", "project": folder, "alias": {}, "entries": {"main": folder + "/main.js"}, "out": folder + "/out"}
    await driver.call(request, what="it", timeout=300)
    print(driver.pid, flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_the_process_ends_when_its_parent_is_killed(tmp_path: Path, toolchain: Toolchain) -> None:
    await toolchain.ensure()
    page(tmp_path, "export {};")
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(toolchain.root), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    node = int(await asyncio.wait_for(parent.stdout.readline(), MAX_WAIT_SECONDS))
    assert is_running(node)
    parent.kill()
    await parent.wait()
    await until(lambda: not is_running(node))
