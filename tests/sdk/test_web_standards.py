"""Web standards and Node's modules in a handler: the same code in a component and in Node gives the same answers."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.tools.toolchain import Toolchain
from holdfast.engine import Engine
from tests.sdk.guest_host import MemoryHost, call
from tests.waiting import MAX_WAIT_SECONDS

SOURCES = Path(__file__).parent.parent / "extensions" / "web-standards" / "src"
GROUPS = ["crypto", "encoding", "events", "fetching", "globals", "node", "nodeCrypto", "promises", "streams", "text", "url", "values"]


@pytest.fixture(scope="module")
def in_node(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain, built: Callable[[str], Path]) -> dict[str, Any]:
    """The answers of Node, by group."""
    built("web-standards")  # installs the toolchain
    bundled = tmp_path_factory.mktemp("node") / "cases.mjs"
    esbuild = toolchain.folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    flags = ["--bundle", "--platform=node", "--format=esm", f"--outfile={bundled}", "--log-level=warning"]
    subprocess.run([toolchain.node, esbuild, SOURCES / "in_node.ts", *flags], check=True, timeout=MAX_WAIT_SECONDS)
    done = subprocess.run([toolchain.node, "--no-warnings", bundled], check=True, timeout=MAX_WAIT_SECONDS, stdout=subprocess.PIPE)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("group", GROUPS)
async def test_a_component_answers_as_node_does(engine: Engine, built: Callable[[str], Path], in_node: dict[str, Any], group: str) -> None:
    response = await call(engine, built("web-standards"), MemoryHost(), f"/cases?group={group}")
    assert response.status == 200, response.body
    assert sorted(in_node) == GROUPS
    assert {name: (answer, in_node[group][name]) for name, answer in response.json.items() if answer != in_node[group][name]} == {}
    assert response.json.keys() == in_node[group].keys()


async def test_where_node_is_wrong_a_component_follows_the_standard(engine: Engine, built: Callable[[str], Path]) -> None:
    answers = (await call(engine, built("web-standards"), MemoryHost(), "/cases?group=exact")).json
    assert len(answers) == 5
    assert set(answers.values()) == {True}, answers


def test_a_handler_that_uses_no_standard_links_none(built: Callable[[str], Path]) -> None:
    names = (b"URLSearchParams", b"CompressionStream", b"AbortController", b"SubtleCrypto")
    plain, full = ((built(project) / "dist" / "main.wasm").read_bytes() for project in ("echo", "web-standards"))
    assert [name for name in names if name in plain] == []
    assert [name for name in names if name not in full] == []
