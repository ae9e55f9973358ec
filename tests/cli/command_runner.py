"""Runs the command line as users do: as a process of its own."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil

from tests.waiting import MAX_WAIT_SECONDS

ARTIFACTS = Path(__file__).parents[2] / "build" / "test-artifacts"
"""Components that tests compiled. Platforms share them, because each compilation takes a second, and ten for Python."""

COMMAND = (sys.executable, "-m", "holdfast.cli")
OWN_VARIABLES = (
    *("HOLDFAST_", "RUNNER_", "PORT", "DATABASE_URL", "EXT_", "BUNDLE_STORE_BASE", "REGISTRY_", "ALGA_", "STORAGE_API_", "STATIC_STRICT_"),
    *("S3_", "MINIO_", "UI_PROXY_", "VAULT_", "SIGNING_", "WASM_POOL_", "RUST_LOG", "GATEWAY_"),
)


class Done(NamedTuple):
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without the settings of Holdfast, and with `more`."""
    return {name: value for name, value in os.environ.items() if not name.startswith(OWN_VARIABLES)} | more


def run(*arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end, in `cwd`."""
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=clean_environment(**variables), capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False
    )


def json_result(done: Done) -> dict[str, Any]:
    """The JSON that a command printed. The command must have succeeded."""
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert isinstance(result, dict)
    return result


class Platform:
    """`holdfast up --json` as a child process. Leaving the block kills the process if it still runs.

    What it compiles is in ARTIFACTS unless `variables` say otherwise. `port` is 0 for a free one, None for the one that PORT names. With
    `command="gateway"` it is `holdfast gateway`, which has no runner.
    """

    def __init__(
        self, folder: Path, *arguments: str | Path, as_json: bool = True, port: int | None = 0, command: str = "up", **variables: str
    ) -> None:
        self.data_dir = folder / "data"
        self.console = ""
        self.errors = (folder / "stderr.log").open("w+b")
        options = [
            *(["--json"] if as_json else []),
            *("--data-dir", str(self.data_dir)),
            *([] if port is None else ["--port", str(port)]),
            *(["--runner-port", "0"] if command == "up" else []),
        ]
        self.process = subprocess.Popen(
            [*COMMAND, command, *options, *map(str, arguments)],
            cwd=folder,
            env=clean_environment(**({"HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS)} | variables)),
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )

    def ready(self) -> dict[str, Any]:
        """Waits for the one line on stdout. Then `console` is the address of the console."""
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], MAX_WAIT_SECONDS)
        line = self.process.stdout.readline() if readable else b""
        assert line, f"not ready: {self.stderr_text()}"
        result = json.loads(line)
        assert isinstance(result, dict)
        self.console = result["console"]
        return result

    def stderr_text(self) -> str:
        """Everything on stderr so far."""
        return Path(self.errors.name).read_text()

    def runner_pid(self) -> int:
        """The process id of the runner child."""
        (runner,) = self.children("holdfast.runner")
        return runner

    def children(self, module: str) -> set[int]:
        """The process ids of the children that run this module: `holdfast.runner`, or `holdfast.platform` for workers of the gateway."""
        found = set()
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
                if module in child.cmdline():
                    found.add(int(child.pid))
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        children = []
        if self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.kill()
        self.process.wait(timeout=MAX_WAIT_SECONDS)
        # They end by themselves, and remove what they shared with it.
        psutil.wait_procs(children, timeout=MAX_WAIT_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()


def write_extension(folder: Path, *, component: bytes | None = None, **manifest: Any) -> Path:
    """An extension project, ready to pack: a page, and with `component` an endpoint `GET /ping`."""
    (folder / "ui").mkdir(parents=True)
    (folder / "ui" / "index.html").write_text("<!doctype html><title>Sample</title>")
    content: dict[str, Any] = {
        "name": "com.example.sample",
        "publisher": "Example",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "displayName": "Sample",
        "ui": {"type": "iframe", "entry": "ui/index.html"},
    }
    if component is not None:
        content["api"] = {"endpoints": [{"method": "GET", "path": "/ping", "handler": "dist/main"}]}
        (folder / "dist").mkdir()
        (folder / "dist" / "main.wasm").write_bytes(component)
    (folder / "manifest.json").write_text(json.dumps(content | manifest))
    return folder


def alive(pids: Iterable[int]) -> list[int]:
    """Which of the processes still run; a zombie does not."""
    _, living = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], timeout=MAX_WAIT_SECONDS / 2)
    return [process.pid for process in living if process.status() != psutil.STATUS_ZOMBIE]
