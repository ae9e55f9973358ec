"""The pinned tools are installed completely or not at all; a missing tool has a clear error."""

from __future__ import annotations

import asyncio
import json
import re
import stat
from pathlib import Path

import pytest

from holdfast.author.errors import BuildToolError
from holdfast.author.tools.toolchain import SOURCE, Toolchain


def program(path: Path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def node(tmp_path: Path, version: str) -> str:
    return program(tmp_path / f"node-{version}", f"echo v{version}")


def test_every_package_is_pinned_by_version_and_hash_without_a_host() -> None:
    package = json.loads((SOURCE / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["dependencies"].values())
    text = (SOURCE / "package-lock.json").read_text()
    locked = {name: entry for name, entry in json.loads(text)["packages"].items() if name}
    assert {f"node_modules/{name}" for name in package["dependencies"]} <= locked.keys()
    assert all(entry["integrity"].startswith("sha512-") for entry in locked.values())
    assert "http" not in text


async def test_a_missing_node_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BuildToolError, match="Node is not installed") as caught:
        await Toolchain(tmp_path, node="/no/such/node").ensure()
    assert "18" in str(caught.value.hint)


async def test_an_old_node_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(BuildToolError, match="Node 16 is too old"):
        await Toolchain(tmp_path / "root", node=node(tmp_path, "16.20.0")).ensure()


async def test_the_version_of_node_is_read(tmp_path: Path) -> None:
    assert await Toolchain(tmp_path, node=node(tmp_path, "22.1.0")).node_version() == "22.1.0"


async def test_a_missing_npm_is_reported(tmp_path: Path) -> None:
    with pytest.raises(BuildToolError, match="npm is not installed"):
        await Toolchain(tmp_path / "root", node=node(tmp_path, "22.1.0"), npm="/no/such/npm").ensure()


async def test_a_failed_install_shows_the_output_of_npm_and_leaves_nothing(tmp_path: Path) -> None:
    npm = program(tmp_path / "npm", "mkdir node_modules; echo 'network is down' >&2; exit 1")
    tools = Toolchain(tmp_path / "root", node=node(tmp_path, "22.1.0"), npm=npm)
    with pytest.raises(BuildToolError, match="network is down"):
        await tools.ensure()
    assert [path.name for path in tools.root.iterdir()] == [f"{tools.key}.lock"]


async def test_concurrent_installs_install_once(tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    npm = program(tmp_path / "npm", f'echo "$@" >> {calls}; mkdir node_modules')
    first, second = (Toolchain(tmp_path / "root", node=node(tmp_path, "22.1.0"), npm=npm) for _ in range(2))
    output: list[str] = []
    folders = await asyncio.gather(first.ensure(output.append), second.ensure(output.append))
    assert set(folders) == {first.folder}
    assert [line.split()[:2] for line in calls.read_text().splitlines()] == [["ci", "--ignore-scripts"]]
    assert output == ["Installing the build tools (once)"]
    assert first.driver.is_file()


async def test_an_installed_toolchain_is_not_installed_again(toolchain: Toolchain) -> None:
    folder = await toolchain.ensure()
    unable = Toolchain(toolchain.root, npm="/no/such/npm")
    assert await unable.ensure() == folder
