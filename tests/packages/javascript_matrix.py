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

from holdfast.author.building.build import build
from holdfast.author.errors import BuildFailed
from holdfast.author.tools.toolchain import Toolchain
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
IN_NODE = (
    "const { default: run } = await import(process.argv[1]); process.stdout.write(JSON.stringify(await run()) ?? 'null'); process.exit(0);"
)
GROUP = 8
"""Cases in one component. Building and compiling one takes much longer than a call."""


class Wrong(Exception):
    """The component answered something else."""


async def answer_of(engine: Engine, component: Path, number: int) -> Any:
    """What the component answers to the case with that number. Raises Wrong when it fails."""
    loaded = await engine.load(component, hash_file(component))
    host = MemoryHost()
    request = t.ExecuteRequest(CONTEXT, t.HttpRequest("GET", f"/{number}", [], None))
    outcome = await engine.execute(loaded, request, host, Limits(timeout_ms=60_000))
    if outcome.response is None or outcome.response.status != 200:
        said = outcome.failure or (outcome.response and outcome.response.body)
        raise Wrong(f"{said!r} {' '.join(line for _, line in host.logs)}"[:600])
    return json.loads(outcome.response.body or b"null")


def write_sources(project: Path, codes: list[str]) -> None:
    """A handler that answers `/0` with the first case, `/1` with the second, and so on."""
    shutil.rmtree(project / "src", ignore_errors=True)
    (project / "src").mkdir()
    for number, code in enumerate(codes):
        (project / "src" / f"case{number}.js").write_text(code)
    imports = [f"import case{number} from './case{number}.js';" for number in range(len(codes))]
    cases = ", ".join(f"case{number}" for number in range(len(codes)))
    body = "JSON.stringify(await cases[req.http.path.slice(1)]()) ?? 'null'"
    handler = f"export const handler = async (req) => ({{ status: 200, body: {body} }});"
    (project / "src" / "handler.js").write_text("\n".join([*imports, f"const cases = [{cases}];", handler, ""]))


def in_node(toolchain: Toolchain, project: Path, number: int) -> subprocess.CompletedProcess[str]:
    """The case in Node."""
    environment = {"TZ": "UTC", "PATH": "/usr/local/bin:/usr/bin:/bin", "NODE_ENV": "production"}
    case = project / "src" / f"case{number}.js"
    command = [toolchain.node, "--no-warnings", "--input-type=module", "--eval", IN_NODE, str(case)]
    return subprocess.run(command, check=False, cwd=project, env=environment, capture_output=True, text=True, timeout=60)


async def results_of(engine: Engine, toolchain: Toolchain, project: Path, codes: list[str]) -> list[dict[str, Any]]:
    """The results of cases in one component; if it cannot be built, of each in its own."""
    write_sources(project, codes)
    try:
        await build(project, toolchain=toolchain)
    except BuildFailed as error:
        if len(codes) == 1:
            return [{"result": "refused", "reason": " ".join(problem.text for problem in error.problems)[:300]}]
        return [result for code in codes for result in await results_of(engine, toolchain, project, [code])]
    return [await result_of(engine, toolchain, project, number) for number in range(len(codes))]


async def result_of(engine: Engine, toolchain: Toolchain, project: Path, number: int) -> dict[str, Any]:
    """The result of one case of the built component."""
    expected = in_node(toolchain, project, number)
    if expected.returncode != 0:
        return {"result": "invalid", "reason": expected.stderr[-600:]}
    try:
        answer = await answer_of(engine, project / "dist" / "main.wasm", number)
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


def batched(names: list[str], size: int) -> list[list[str]]:
    return [names[at : at + size] for at in range(0, len(names), size)]


async def run_npm(names: list[str]) -> dict[str, dict[str, Any]]:
    """The results of the cases `names`, of all without any."""
    cases = tomllib.loads((HERE / "npm.toml").read_text())
    results: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-packages-") as scratch:
        project = Path(scratch)
        versions = install(project)
        (project / "manifest.json").write_text(json.dumps(MANIFEST))
        engine = Engine(project / "artifacts", pool=False)
        for group in batched([name for name in cases if not names or name in names], GROUP):
            for name, result in zip(
                group, await results_of(engine, Toolchain(), project, [cases[one]["code"] for one in group]), strict=True
            ):
                version = versions[cases[name].get("package", name)]
                results[name] = {"version": version, **result}
                print(f"{name} {version}: {result['result']} {result.get('reason', '')}", flush=True)
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
