"""The TypeScript SDK passes its type check and its unit tests in Node."""

from __future__ import annotations

from pathlib import Path

import pytest

from holdfast.author import resources
from holdfast.author.tools.process import run
from holdfast.author.tools.toolchain import Toolchain
from tests.waiting import MAX_WAIT_SECONDS

TESTS = sorted((Path(__file__).parent / "node").glob("*.test.ts"))


@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name.removesuffix(".test.ts"))
async def test_the_unit_tests_pass_in_node(test: Path, tmp_path: Path, toolchain: Toolchain) -> None:
    folder = await toolchain.ensure()
    bundled = tmp_path / "bundled.test.mjs"
    esbuild = folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    flags = ["--bundle", "--platform=node", "--format=esm", f"--outfile={bundled}", "--log-level=warning"]
    built = await run([toolchain.node, esbuild, test, *flags], cwd=test.parent, timeout=MAX_WAIT_SECONDS)
    assert built.status == 0, built.stderr
    done = await run([toolchain.node, "--test", "--test-reporter=tap", bundled], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)
    assert done.status == 0, done.stdout
    assert "\n# fail 0" in done.stdout
    assert "\n# pass 0" not in done.stdout


async def test_the_sources_pass_the_strict_type_check(toolchain: Toolchain) -> None:
    await toolchain.ensure()
    done = await run(
        [toolchain.node, toolchain.tsc, "-p", resources.sdk_folder("typescript")], cwd=Path(__file__).parent, timeout=MAX_WAIT_SECONDS
    )
    assert done.status == 0, done.stdout
