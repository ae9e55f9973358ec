"""A runner as operators start it: `holdfast runner` as a process of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.command_runner import COMMAND, clean_environment
from tests.waiting import MAX_WAIT_SECONDS


@contextmanager
def runner_process(folder: Path, *arguments: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """Yields its origin and the process. Its data is below `folder`, with its log in `runner.log`. Without `--port` it uses a free one."""
    environment = clean_environment(**({"RUNNER_SERVICE_TOKEN": "the-service-token", "HOLDFAST_ENGINE_POOL": "false"} | variables))
    port = [] if "--port" in arguments else ["--port", "0"]
    command = [*COMMAND, "runner", "--json", *port, "--data-dir", str(folder / "data"), *arguments]
    with (
        (folder / "runner.log").open("wb") as log,
        subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=log) as process,
    ):
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            assert line, (folder / "runner.log").read_text()
            yield json.loads(line)["runner"], process
        finally:
            process.terminate()
            try:
                process.wait(timeout=MAX_WAIT_SECONDS)
            finally:
                process.kill()
