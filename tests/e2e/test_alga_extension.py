"""Our `alga extension` with a running platform: the lines and exit codes of the published tool."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.cli.command_runner import clean_environment, write_extension
from tests.e2e.running_platform import RunningPlatform
from tests.runner import guests
from tests.waiting import MAX_WAIT_SECONDS

UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def alga(platform: RunningPlatform, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast.cli.alga", "extension", *map(str, arguments)]
    variables = {"ALGA_API_BASE_URL": platform.console, "ALGA_API_KEY": platform.api_key}
    return subprocess.run(
        command,
        cwd=platform.folder,
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=False,
    )


def test_publish_uninstall_and_install_print_the_lines_of_the_published_tool(platform: RunningPlatform, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "lines", component=guests.fine().read_bytes(), name="com.example.alga-lines", publisher="alga")
    published = alga(platform, "publish", project)
    assert published.returncode == 0, published.stderr
    assert re.fullmatch(
        r"\[extension publish\] success! \{\n"
        rf"  registryId: '{UUID}',\n  versionId: '{UUID}',\n  contentHash: 'sha256:[0-9a-f]{{64}}',\n  installId: '{UUID}'\n\}}\n",
        published.stdout,
    )
    found = re.search(UUID, published.stdout)
    assert found is not None
    removed = alga(platform, "uninstall", found[0])
    assert removed.returncode == 0, removed.stderr
    assert removed.stdout.startswith(f"[extension uninstall] success {{\n  registryId: '{found[0]}',\n  message: ")
    installed = alga(platform, "install", found[0], "-v", "1.0.0", "--base-url", platform.console)
    assert installed.returncode == 0, installed.stderr
    assert re.match(rf"\[extension install\] enqueued \{{\n  registryId: '{found[0]}',\n  version: '1\.0\.0',\n", installed.stdout)
    assert alga(platform, "uninstall", found[0]).returncode == 0


def test_a_failure_is_on_stderr_and_ends_with_1(platform: RunningPlatform, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "no-component", api={"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]})
    for arguments, line in (
        (("publish", project), "[extension publish] failed: "),
        (("install", "com.example.nothing", "--version", "1.0.0"), "[extension install] failed {"),
        (("uninstall", "com.example.nothing"), "[extension uninstall] failed {"),
    ):
        done = alga(platform, *arguments)
        assert (done.returncode, done.stdout) == (1, ""), done.stdout
        assert line in done.stderr
