"""The unit tests of the samples pass, as their readers run them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from holdfast.author import resources
from holdfast.author.tools.process import run
from holdfast.author.tools.toolchain import Toolchain
from tests.waiting import MAX_WAIT_SECONDS

EXAMPLES = Path(__file__).parents[2] / "examples"
TYPESCRIPT = sorted(test.parents[1].name for test in EXAMPLES.glob("*/tests/handler.test.ts"))
PYTHON = sorted(test.parents[1].name for test in EXAMPLES.glob("*/tests/test_handler.py"))


async def test_the_unit_tests_in_typescript_pass(tmp_path: Path, toolchain: Toolchain) -> None:
    folder = await toolchain.ensure()
    sdk = resources.sdk_folder("typescript") / "src"
    names = {"@holdfast/sdk/testing": "testing.ts", "@holdfast/sdk": "index.ts", "@alga-psa/extension-runtime": "index.ts"}
    flags = ["--bundle", "--platform=node", "--format=esm", f"--outdir={tmp_path}", "--out-extension:.js=.mjs", "--log-level=warning"]
    flags += [f"--alias:{name}={sdk / file}" for name, file in names.items()]
    tests = [EXAMPLES / name / "tests" / "handler.test.ts" for name in TYPESCRIPT]
    esbuild = folder / "node_modules" / "esbuild" / "bin" / "esbuild"
    built = await run([toolchain.node, esbuild, *tests, *flags], cwd=EXAMPLES, timeout=MAX_WAIT_SECONDS)
    assert built.status == 0, built.stderr
    bundles = sorted(tmp_path.rglob("*.mjs"))
    assert len(bundles) == len(TYPESCRIPT) >= 5
    done = await run([toolchain.node, "--test", "--test-reporter=tap", *bundles], cwd=tmp_path, timeout=MAX_WAIT_SECONDS)
    assert done.status == 0, done.stdout
    assert "\n# fail 0" in done.stdout


@pytest.mark.parametrize("name", PYTHON)
async def test_the_unit_tests_in_python_pass(name: str) -> None:
    sdk = resources.sdk_folder("python")
    command = [sys.executable, "-B", "-m", "unittest", "tests/test_handler.py"]
    done = await run(command, cwd=EXAMPLES / name, timeout=MAX_WAIT_SECONDS, environment={"PYTHONPATH": f"{EXAMPLES / name / 'src'}:{sdk}"})
    assert done.status == 0, done.stderr
    assert "Ran 0 tests" not in done.stderr
