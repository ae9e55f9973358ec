"""What the README promises: its two commands exist, its handler builds and answers, and its call works."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from holdfast.author.building.build import build
from tests.cli.command_runner import clean_environment, write_extension
from tests.e2e.running_platform import RunningPlatform
from tests.waiting import MAX_WAIT_SECONDS

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
COMMANDS, CALL = re.findall(r"```sh\n(.*?)```", README, re.S)
(HANDLER,) = re.findall(r"```ts\n(.*?)```", README, re.S)


def test_the_two_commands_are_targets_of_the_makefile() -> None:
    targets = re.findall(r"^make ([a-z-]+)", COMMANDS, re.M)
    assert targets == ["run", "test"]
    for target in targets:
        planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
        assert planned.returncode == 0, planned.stderr


async def test_the_handler_answers_as_the_readme_says(platform: RunningPlatform, tmp_path: Path) -> None:
    endpoints = [{"method": "GET", "path": "/", "handler": "dist/main"}]
    project = write_extension(tmp_path / "readme", name="com.example.readme", api={"endpoints": endpoints}, capabilities=["cap:log.emit"])
    (project / "src").mkdir()
    (project / "src" / "handler.ts").write_text(HANDLER)
    await build(project)
    installed = platform.command("install", project)
    assert installed.returncode == 0, installed.stderr
    with platform.client() as client:
        assert client.get("/api/ext/com.example.readme/").json() == {"ok": True}


def test_the_call_of_a_sample_stores_a_note(platform: RunningPlatform) -> None:
    command = CALL.replace("http://localhost:3000", platform.console).replace("curl ", "curl -sS --fail-with-body ")
    environment = {name: value for name, value in clean_environment(KEY=platform.api_key).items() if not name.lower().endswith("_proxy")}
    called = subprocess.run(["bash", "-c", command], env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
    assert called.returncode == 0, called.stdout + called.stderr
    assert '"text":"test"' in called.stdout.replace(" ", "")
