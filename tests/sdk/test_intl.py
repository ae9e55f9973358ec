"""Intl in a handler: the same code in a component and in Node gives the same answers, and what there are no data for is an error."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.tools.toolchain import Toolchain
from holdfast.engine import Engine
from tests.sdk.guest_host import MemoryHost, call
from tests.waiting import MAX_WAIT_SECONDS

SOURCES = Path(__file__).parent.parent / "extensions" / "intl" / "src"


@pytest.fixture(scope="module")
def in_node(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain, built: Callable[[str], Path]) -> dict[str, Any]:
    """The answers of Node, by group. Its ICU has to be of the version that the data are from."""
    built("intl")  # installs the toolchain
    bundled = tmp_path_factory.mktemp("node") / "cases.mjs"
    esbuild = toolchain.folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    flags = ["--bundle", "--platform=node", "--format=esm", f"--outfile={bundled}", "--log-level=warning"]
    subprocess.run([toolchain.node, esbuild, SOURCES / "in_node.ts", *flags], check=True, timeout=MAX_WAIT_SECONDS)
    environment = {**os.environ, "TZ": "UTC"}
    done = subprocess.run([toolchain.node, bundled], check=True, timeout=MAX_WAIT_SECONDS, stdout=subprocess.PIPE, env=environment)
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


@pytest.mark.parametrize("group", ["dates", "numbers", "zones", "words", "order"])
async def test_a_component_formats_as_node_does(engine: Engine, built: Callable[[str], Path], in_node: dict[str, Any], group: str) -> None:
    answers = (await call(engine, built("intl"), MemoryHost(), f"/cases?group={group}")).json
    assert {name: (answer, in_node[group][name]) for name, answer in answers.items() if answer != in_node[group][name]} == {}
    assert answers.keys() == in_node[group].keys()


async def test_what_there_are_no_data_for_is_an_error(engine: Engine, built: Callable[[str], Path]) -> None:
    answers = (await call(engine, built("intl"), MemoryHost(), "/cases?group=absent")).json
    assert len(answers) == 8
    assert set(answers.values()) == {"RangeError"}, answers
