"""Runs popular packages of npm in components and in Node, and writes docs/reference/npm-packages.md. Needs the network.

    python -m tests.packages.javascript_matrix [NAME …]

Cases are in `npm.toml`: the table `[NAME]` has `code` (and `package`, when NAME is not the package's name), a module whose default
export is a function that returns what JSON can carry. What the component answers is compared with Node: `right`, `wrong`, `failed` (an
error in the call), or `refused` with the sentence of the build. Versions are pinned in `npm/package-lock.json`. A run merges its results
into `npm/results.json`, from which the page is written, and ends with 1 if an answer is wrong or fewer than 85 of 100 are right.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from holdfast.author.build import build
from holdfast.author.errors import BuildFailed
from holdfast.author.toolchain import Toolchain
from holdfast.bundles.store.hashing import hash_file
from holdfast.engine import Engine, Limits
from holdfast.world import types as t
from tests.sdk.guest_host import CONTEXT, MemoryHost

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RESULTS = HERE / "npm" / "results.json"
PAGE = ROOT / "docs" / "reference" / "npm-packages.md"
MANIFEST = {
    "name": "com.example.packages",
    "publisher": "Holdfast tests",
    "version": "0.1.0",
    "runtime": "wasm-js@1",
    "capabilities": ["cap:log.emit"],
    "api": {"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]},
}
HANDLER = """import run from './case.js';
export const handler = async () => ({ status: 200, body: JSON.stringify(await run()) ?? 'null' });
"""
IN_NODE = "import run from './src/case.js'; process.stdout.write(JSON.stringify(await run()) ?? 'null'); process.exit(0);"


class Wrong(Exception):
    """The component answered something else."""


async def answer_of(engine: Engine, component: Path) -> Any:
    """What the component answers. Raises Wrong when it fails."""
    loaded = await engine.load(component, hash_file(component))
    host = MemoryHost()
    request = t.ExecuteRequest(CONTEXT, t.HttpRequest("GET", "/", [], None))
    outcome = await engine.execute(loaded, request, host, Limits(timeout_ms=60_000))
    if outcome.response is None or outcome.response.status != 200:
        said = outcome.failure or (outcome.response and outcome.response.body)
        raise Wrong(f"{said!r} {' '.join(line for _, line in host.logs)}"[:600])
    return json.loads(outcome.response.body or b"null")


async def npm_result(engine: Engine, toolchain: Toolchain, project: Path, code: str) -> dict[str, Any]:
    """The result of one case: builds it, calls it, and compares it with Node."""
    (project / "src" / "case.js").write_text(code)
    environment = {"TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_ENV": "production"}
    command = [toolchain.node, "--no-warnings", "--input-type=module", "--eval", IN_NODE]
    expected = subprocess.run(command, check=False, cwd=project, env=environment, capture_output=True, text=True, timeout=60)
    if expected.returncode != 0:
        return {"result": "invalid", "reason": expected.stderr[-600:]}
    try:
        await build(project, toolchain=toolchain)
    except BuildFailed as error:
        return {"result": "refused", "reason": " ".join(problem.text for problem in error.problems)[:300]}
    try:
        answer = await answer_of(engine, project / "dist" / "main.wasm")
    except Wrong as error:
        return {"result": "failed", "reason": str(error)}
    wanted = json.loads(expected.stdout)
    return {"result": "right"} if answer == wanted else {"result": "wrong", "reason": f"{answer!r} instead of {wanted!r}"[:900]}


def install(project: Path) -> dict[str, str]:
    """Installs the pinned packages; returns their versions."""
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(HERE / "npm" / name, project / name)
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], cwd=project, check=True)
    locked = json.loads((project / "package-lock.json").read_text())["packages"]
    return {name.removeprefix("node_modules/"): entry["version"] for name, entry in locked.items() if name}


async def run_npm(names: list[str]) -> dict[str, dict[str, Any]]:
    """The results of the cases `names`, of all without any."""
    cases = tomllib.loads((HERE / "npm.toml").read_text())
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-packages-") as scratch:
        project = Path(scratch)
        versions = install(project)
        (project / "src").mkdir()
        (project / "src" / "handler.js").write_text(HANDLER)
        (project / "manifest.json").write_text(json.dumps(MANIFEST))
        engine = Engine(project / "artifacts", pool=False)
        for name, case in cases.items():
            if names and name not in names:
                continue
            package = case.get("package", name)
            result = await npm_result(engine, Toolchain(), project, case["code"])
            results[name] = {"version": versions[package], **result}
            print(f"{name} {versions[package]}: {result['result']} {result.get('reason', '')}", flush=True)
        await engine.close()
    return results


def write_page(results: dict[str, dict[str, Any]]) -> None:
    """Writes the table of all results."""
    right = sum(one["result"] == "right" for one in results.values())
    lines = [
        "# Packages of npm",
        "",
        "Popular packages that were tried in handlers: the code of each case ran in a component and in Node, and the answers were",
        "compared.",
        "`make packages` repeats this. A package that is not here is likely to work if it is pure JavaScript.",
        "",
        f"{right} of {len(results)} cases give the answer of Node.",
        "",
        "| package | version | result |",
        "|---|---|---|",
    ]
    for name, one in sorted(results.items()):
        reason = " ".join(one.get("reason", "").replace("|", "\\|").split())
        shown = "right" if one["result"] == "right" else f"{one['result']}: {reason}"
        lines.append(f"| {name} | {one['version']} | {shown} |")
    PAGE.write_text("\n".join(lines) + "\n")


def main(names: list[str]) -> int:
    results: dict[str, dict[str, Any]] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    results.update(asyncio.run(run_npm(names)))
    RESULTS.write_text(json.dumps(results, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    write_page(results)
    outcomes = [one["result"] for one in results.values()]
    return 1 if "wrong" in outcomes or outcomes.count("right") < 0.85 * len(outcomes) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
