"""The documentation says what is so: links lead somewhere, commands exist, examples are valid."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from holdfast.bundles.manifest.model import parse_manifest
from holdfast.cli.main import create_app
from holdfast.engine import Limits
from holdfast.engine.values.lifting import MAX_LIST_ITEMS
from holdfast.hostcalls.call.limits import HostLimits
from holdfast.settings import Settings

ROOT = Path(__file__).parents[2]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    ROOT / "SECURITY.md",
    ROOT / "CODE_OF_CONDUCT.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/README.md")),
]

COMMANDS = {name for name in create_app() if not name.startswith("-")}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_a_page_shows_exists(page: Path) -> None:
    shown = re.findall(r"(?:^|`)holdfast ([a-z]+)", page.read_text(), re.M)
    assert set(shown) <= COMMANDS


def test_every_command_that_a_message_names_exists() -> None:
    words = re.compile(r"[`“](?:holdfast|alga) ([a-z]+)")
    of_alga = {"component"}
    for folder in ("src", "sdk", "examples"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in {".py", ".ts", ".js", ".html", ".md"} and "dist" not in file.parts:
                assert set(words.findall(file.read_text())) <= COMMANDS | of_alga, file


def test_the_manifest_of_the_authors_page_is_valid() -> None:
    (block,) = re.findall(r"```json\n(.*?)```", (ROOT / "docs" / "guides" / "write-an-extension.md").read_text(), re.S)
    assert parse_manifest(block.encode()).display_name == json.loads(block)["displayName"]


def test_the_limits_of_the_authors_page_are_the_defaults() -> None:
    page = (ROOT / "docs" / "guides" / "write-an-extension.md").read_text()
    settings, door = Settings(), HostLimits()
    assert f"Deadline {settings.call_timeout_ms // 1000} s ({settings.gateway_timeout_ms // 1000} s through the gateway)" in page
    assert f"{settings.call_memory_mb} MiB for each memory" in page
    assert f"{Limits().log_lines} log lines of {Limits().log_line_bytes // 1024} KiB" in page
    assert f"{door.host_calls:,} host calls" in page
    assert f"{MAX_LIST_ITEMS:,} items in a list" in page
    assert f"{settings.calls_per_install} calls at once per install" in page


def test_nothing_written_names_a_machine_or_a_package_registry() -> None:
    words = re.compile(r"/root/|/home/|--index-url|--find-links")
    for page in [*PAGES, ROOT / "requirements.lock", ROOT / "pyproject.toml"]:
        assert not words.search(page.read_text()), page


def test_the_page_about_the_architecture_has_every_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    packages = {path.parent.name for path in (ROOT / "src" / "holdfast").glob("*/__init__.py")}
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert {name for row in rows for name in re.findall(r"`([a-z]+)`", row.split("|")[1])} >= packages
