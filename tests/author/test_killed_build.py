"""A build that is killed: its tools end with it, and the next build removes what it left."""

from __future__ import annotations

import subprocess
from pathlib import Path

import psutil
import pytest

from holdfast.author.tools.toolchain import Toolchain
from tests.author.test_build import HANDLER, project_of
from tests.cli.command_runner import COMMAND, clean_environment, run
from tests.waiting import MAX_WAIT_SECONDS, wait_until


def left_in(folder: Path) -> list[str]:
    """What is in a folder, but for the cache that Node.js keeps between processes."""
    return sorted(path.name for path in folder.iterdir() if path.name not in ("node-compile-cache", "v8-compile-cache"))


@pytest.mark.process
async def test_a_killed_build_leaves_no_process_and_the_next_build_removes_its_files(tmp_path: Path, toolchain: Toolchain) -> None:
    await toolchain.ensure()
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    # Tools evaluate the module: this build is killed before it ends, however fast the machine is.
    project = project_of(tmp_path / "project", {"src/handler.ts": f"for (;;) {{}}\n{HANDLER}"})
    dist = project / "dist"
    with subprocess.Popen(
        [*COMMAND, "build"], cwd=project, env=clean_environment(TMPDIR=str(temporary)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        # The handler is bundled, and its component is being made.
        wait_until(lambda: list(dist.glob(".holdfast-work-*/main.js.map")) and list(temporary.glob("holdfast-work-build-*/wit")))
        family = psutil.Process(process.pid).children(recursive=True)
        assert family
        process.kill()
    assert psutil.wait_procs(family, timeout=MAX_WAIT_SECONDS)[1] == []
    assert len(list(dist.glob(".holdfast-work-*"))) == 1
    assert len(left_in(temporary)) == 2
    (project / "src" / "handler.ts").write_text(HANDLER)
    done = run("build", cwd=project, TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    assert left_in(temporary) == []
    assert [name for name in left_in(dist) if name.startswith(".holdfast-work-")] == []
    assert (dist / "main.wasm").is_file()
