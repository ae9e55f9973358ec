"""The examples of the page about the API, run as they are written, against a platform."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from holdfast.bundles.archive.packing import pack
from holdfast.gateway.openapi import document
from tests.cli.command_runner import write_extension
from tests.e2e.running_platform import RunningPlatform
from tests.runner import guests
from tests.waiting import MAX_WAIT_SECONDS

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "use-the-http-api.md").read_text()
PREPARATION, *EXAMPLES = re.findall(r"```sh\n(.*?)```", PAGE, re.S)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("api-page")
    asked = {"capabilities": ["cap:storage.kv", "cap:http.fetch"], "egress": ["api.example.com"]}
    project = write_extension(made / "notes", component=guests.fine().read_bytes(), name="notes", publisher="acme", **asked)
    shutil.copyfile(pack(project).path, made / "bundle.tar.zst")
    return made


def test_every_example_of_the_page_does_what_it_says(platform: RunningPlatform, folder: Path) -> None:
    preparation = re.sub(r"^SERVER=.*$", f"SERVER={platform.console}", PREPARATION, flags=re.M)
    preparation = re.sub(r"^API_KEY=.*$", f"API_KEY={platform.api_key}", preparation, flags=re.M)
    # One shell for all of it: later examples use what earlier ones set.
    text = "\n".join(["set -euo pipefail", preparation, *EXAMPLES])
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    done = subprocess.run(
        ["bash", "-c", text], cwd=folder, env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_address_of_the_page_is_one_of_the_document() -> None:
    shown = {re.sub(r"\?.*", "", path) for path in re.findall(r"\$SERVER(/[^\"`\s]*)", PAGE)}
    known = [re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))) for path in document()["paths"]]
    assert shown
    for path in shown:
        assert any(pattern.fullmatch(path) for pattern in known), path
