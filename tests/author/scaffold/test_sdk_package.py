"""The npm package of the SDK: its content, the same bytes each time, and that builds never read a project's copy of it."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import holdfast
from holdfast.author.scaffold.sdk_package import build_sdk_package
from holdfast.author.sdk_aliases import sdk_aliases
from holdfast.author.tools.process import run
from holdfast.author.tools.toolchain import Toolchain
from tests.waiting import MAX_WAIT_SECONDS

PROGRAM = """
import { jsonResponse } from '@holdfast/sdk';
import { IframeBridge } from '@holdfast/sdk/iframe';
import { createTestHost, createTestRequest, readJson } from '@holdfast/sdk/testing';
const host = createTestHost();
await host.storage.putJson('a', 'b', createTestRequest('GET', '/x?y').http.path);
console.log(readJson(jsonResponse([await host.storage.getJson('a', 'b'), typeof IframeBridge])));
"""


async def elsewhere(toolchain: Toolchain, folder: Path) -> Toolchain:
    """The same toolchain in another folder, which has no package yet."""
    installed = await toolchain.ensure()
    folder.mkdir()
    (folder / toolchain.key).symlink_to(installed)
    return Toolchain(folder)


async def test_the_package_has_the_same_bytes_wherever_it_is_built(toolchain: Toolchain, tmp_path: Path) -> None:
    first = await build_sdk_package(await elsewhere(toolchain, tmp_path / "a"))
    second = await build_sdk_package(await elsewhere(toolchain, tmp_path / "b"))
    assert first.path != second.path
    assert first.path.read_bytes() == second.path.read_bytes()
    assert first.integrity == second.integrity == f"sha512-{base64.b64encode(hashlib.sha512(first.path.read_bytes()).digest()).decode()}"
    assert [path.name for path in (tmp_path / "a").iterdir() if path.name.startswith(".")] == []


async def test_node_runs_every_entry_and_each_has_types(toolchain: Toolchain, tmp_path: Path) -> None:
    await toolchain.ensure()
    package = await build_sdk_package(toolchain)
    unpacked = await run(["tar", "-xzf", package.path], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)
    assert unpacked.status == 0, unpacked.stderr
    folder = tmp_path / "node_modules" / "@holdfast" / "sdk"
    folder.parent.mkdir(parents=True)
    (tmp_path / "package").rename(folder)
    described = json.loads((folder / "package.json").read_text())
    assert (described["name"], described["version"]) == ("@holdfast/sdk", holdfast.__version__)
    for entry in described["exports"].values():
        assert (folder / entry["types"]).is_file() and (folder / entry["default"]).is_file()
    assert not [path for path in folder.rglob("*.d.ts") if ".ts'" in path.read_text()]
    (tmp_path / "program.mjs").write_text(PROGRAM)
    done = await run([toolchain.node, "program.mjs"], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)
    assert (done.status, done.stdout.strip()) == (0, "[ '/x', 'function' ]"), done.stderr


def test_a_build_uses_the_sdk_of_holdfast_and_a_published_package_that_is_installed(tmp_path: Path) -> None:
    for name in ("@holdfast/sdk", "@alga-psa/extension-runtime"):
        (tmp_path / "node_modules" / name).mkdir(parents=True)
        (tmp_path / "node_modules" / name / "package.json").write_text("{}")
    aliases = sdk_aliases(tmp_path)
    assert {"@holdfast/sdk", "@holdfast/sdk/iframe", "@alga-psa/extension-iframe-sdk"} <= aliases.keys()
    assert "@alga-psa/extension-runtime" not in aliases
