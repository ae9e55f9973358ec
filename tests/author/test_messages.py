"""What an author reads when a build fails: place, lines of source, what happened, and what to do next."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.author.building.build import build
from holdfast.author.building.packing import pack_project
from holdfast.author.building.session import BuildSession
from holdfast.author.code_frame import Problem, code_frame, render_problem
from holdfast.author.errors import BuildFailed
from holdfast.author.tools.messages import explain
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.archive.packing import PackFailed
from tests.author.test_build import HANDLER, project_of


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = {
        "package.json": json.dumps({"dependencies": {"declared": "^1.0.0"}}),
        "node_modules/installed/package.json": '{"name": "installed", "exports": {".": "./index.js"}}',
        "node_modules/installed/index.js": "export default 1;\n",
    }
    return project_of(tmp_path_factory.mktemp("messages"), files)


@pytest.fixture
async def session(folder: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    async with BuildSession(folder, toolchain=toolchain) as opened:
        yield opened


async def failure_of(session: BuildSession, handler: str) -> BuildFailed:
    (session.root / "src").mkdir(exist_ok=True)
    (session.root / "src" / "handler.ts").write_text(handler)
    with pytest.raises(BuildFailed) as caught:
        await session.build()
    return caught.value


async def test_each_import_that_is_not_found_has_its_own_way_out(session: BuildSession) -> None:
    names = ["./nothing", "unknown-package/deep", "declared", "installed/missing", "@/lib"]
    imports = "".join(f"import m{index} from '{name}';\n" for index, name in enumerate(names))
    used = ", ".join(f"m{index}" for index in range(len(names)))
    failure = await failure_of(session, f"{imports}export const handler = async () => [{used}];\n")
    problems = {problem.line: problem for problem in failure.problems}
    assert [problems[line].hint for line in range(1, 6)] == [
        "Correct the path of the import.",
        "Run `npm install unknown-package` in the project, or correct the import.",
        "Run `npm install` in the project.",
        "Correct the import.",
        "If it is a short name for a folder, declare it in `paths` of tsconfig.json.",
    ]
    assert "'./missing' is not exported" in problems[4].text.replace('"', "'")


async def test_a_failure_at_the_top_level_of_a_module_shows_the_line_of_the_source(session: BuildSession) -> None:
    failure = await failure_of(session, f"function fail(): never {{\n  throw new Error('no luck');\n}}\n\nfail();\n{HANDLER}")
    (problem,) = failure.problems
    assert (problem.file, problem.line) == ("src/handler.ts", 2)
    assert "no luck" in problem.text
    assert "> 2 │   throw new Error('no luck');" in failure.message
    assert "belongs in the handler" in str(failure.hint)


async def test_a_call_of_the_host_at_the_top_level_names_it(session: BuildSession) -> None:
    source = "import { logInfo } from 'alga:extension/logging';\nlogInfo('x');\nexport const handler = () => ({ status: 200 });\n"
    failure = await failure_of(session, source)
    assert "calls the host (alga:extension/logging, log-info)" in failure.message


async def test_nothing_is_packed_after_a_failed_build_or_a_change_of_a_source(tmp_path: Path, toolchain: Toolchain) -> None:
    project = project_of(tmp_path, {"src/handler.ts": "import './lib/part';\n" + HANDLER, "src/lib/part.ts": "globalThis.name = 'a';\n"})
    await build(project, toolchain=toolchain)
    assert pack_project(project, project / "bundle.tar.zst").files
    assert pack_project(project).files
    assert (await build(project, toolchain=toolchain)).cached
    (project / "src" / "lib" / "part.ts").write_text("globalThis.name = ;\n")
    with pytest.raises(PackFailed, match=r"older than its sources: src/lib/part\.ts"):
        pack_project(project)
    with pytest.raises(BuildFailed):
        await build(project, toolchain=toolchain)
    (project / "src" / "lib" / "part.ts").write_text("globalThis.name = 'a';\n")
    with pytest.raises(PackFailed, match="The last build failed"):
        pack_project(project)
    assert (await build(project, toolchain=toolchain)).cached
    assert pack_project(project).files


def test_a_module_of_node_is_not_proposed_to_be_installed(tmp_path: Path) -> None:
    problem = explain(tmp_path, Problem('Could not resolve "node:fs"\nThe package "node:fs" wasn\'t found … "platform: \'node\'" …'))
    assert problem.text == 'Could not resolve "node:fs": it is a module of Node, and extensions do not run on Node.'
    assert problem.hint is not None
    assert "npm install" not in problem.hint


def test_a_code_frame_has_two_lines_on_each_side_and_marks_the_column(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("".join(f"line {number}\n" for number in range(1, 12)))
    assert code_frame(tmp_path, Problem("x", "a.ts", 9, 6)) == [
        "   7 │ line 7",
        "   8 │ line 8",
        ">  9 │ line 9",
        "     │      ^",
        "  10 │ line 10",
        "  11 │ line 11",
    ]


def test_a_code_frame_shows_the_part_of_a_long_line_around_the_column(tmp_path: Path) -> None:
    (tmp_path / "a.ts").write_text("a" * 1000 + "HERE" + "b" * 1000)
    line, mark = code_frame(tmp_path, Problem("x", "a.ts", 1, 1001))
    assert len(line) < 200
    assert line[mark.index("^")] == "H"


def test_a_problem_without_a_file_or_with_one_that_is_gone_is_still_shown(tmp_path: Path) -> None:
    assert render_problem(tmp_path, Problem("It broke", hint="Try again.")) == "It broke\n  → Try again."
    shown = render_problem(tmp_path, Problem("It broke", "gone.ts", 3, 1, "the line"))
    assert shown == "gone.ts:3:1: It broke\n  > 3 │ the line\n      │ ^"
