"""Only what changed is built again, and nothing stale is ever kept: each change of what a bundle contains makes a new one."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import shutil
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.building.build import build
from holdfast.author.building.report import BuildReport, Changed
from holdfast.author.building.session import BuildSession
from holdfast.author.errors import BuildFailed
from holdfast.author.inputs.record import read_record
from holdfast.author.inputs.snapshot import check_inputs, inputs_of_paths, look_before
from holdfast.author.options import BuildOptions
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.store.hashing import hash_file
from tests.author.test_build import HANDLER, MANIFEST, project_of
from tests.session.effort import repetitions
from tests.waiting import wait_until

UI_MANIFEST: dict[str, Any] = {**MANIFEST, "ui": {"type": "iframe", "entry": "ui/index.html"}}
"""The manifest of a project with a handler and a page."""

FILES = {
    "src/handler.ts": (
        "import { text } from './build/text';\nimport { linked } from 'linked';\nimport { plain } from 'plain';\n"
        "import { alias } from '@/lib/alias';\nimport mail from './mail.html';\nimport data from './dist/data.json';\n"
        "export const handler = async () => ({ status: 200, body: [text, linked, plain, alias, mail, data.x].join() });\n"
    ),
    "src/build/text.ts": "export { text } from './deep';\n",
    "src/build/deep/index.ts": "export const text = 'a';\n",
    "src/lib/alias.ts": "export const alias = 'a';\n",
    "src/mail.html": "<p>a</p>",
    "src/dist/data.json": '{"x": "a"}',
    "tsconfig.json": json.dumps({"extends": "./base.json"}),
    "base.json": json.dumps({"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}),
    "node_modules/plain/package.json": '{"name": "plain", "main": "a.js"}',
    "node_modules/plain/a.js": "exports.plain = 'a';\n",
    "node_modules/plain/b.js": "exports.plain = 'b';\n",
    "ui/index.html": '<script type="module" src="/src/main.ts"></script>',
    "ui/src/main.ts": "import './style.css';\nimport { shown } from './shown';\ndocument.title = shown;\n",
    "ui/src/style.css": "p { color: red }",
    "ui/src/shown.ts": "export const shown = 'a';\n",
    "ui/plain.css": "p { margin: 0 }",
}


def workspace(folder: Path) -> Path:
    """A project in an npm workspace: one of its packages is linked into `node_modules`."""
    linked = folder / "packages" / "linked"
    linked.mkdir(parents=True)
    (linked / "package.json").write_text('{"name": "linked", "main": "index.js"}')
    (linked / "index.js").write_text("exports.linked = 'a';\n")
    project = project_of(folder / "project", FILES, UI_MANIFEST)
    (project / "node_modules" / "linked").symlink_to("../../packages/linked")
    return project


@pytest.fixture(scope="module")
def built_workspace(tmp_path_factory: pytest.TempPathFactory, toolchain: Toolchain) -> Path:
    """A workspace whose project is built. Tests get a copy."""
    folder = tmp_path_factory.mktemp("workspace")
    project = workspace(folder)
    # A package whose files change within a tick of the clock before the build counts as changing while it runs.
    installed = (project / "node_modules" / "plain" / "package.json").stat().st_ctime_ns
    wait_until(lambda: time.time_ns() - installed > SETTLED_NS)
    asyncio.run(build(project, toolchain=toolchain))
    return folder


@pytest.fixture
async def session(built_workspace: Path, tmp_path: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    """A session of a project that is built already."""
    # At the same depth: bundles contain the relative paths of the SDK's files.
    shutil.copytree(built_workspace, tmp_path, symlinks=True, dirs_exist_ok=True)
    async with BuildSession(tmp_path / "project", toolchain=toolchain) as opened:
        yield opened


def code_of(session: BuildSession, part: str = "component") -> str | None:
    """What identifies the code in the component: two builds of the same code differ in a few bytes."""
    return read_record(session.root).parts[part].code


def component_of(session: BuildSession) -> str:
    return hash_file(session.root / "dist" / "main.wasm")


def pages_of(session: BuildSession) -> dict[str, bytes]:
    folder = session.root / "dist" / "ui"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def built(report: BuildReport) -> set[str]:
    return {step.name for step in report.steps}


SETTLED_NS = 100_000_000
COMPONENT_FILES = [
    "src/build/deep/index.ts",
    "src/lib/alias.ts",
    "src/mail.html",
    "src/dist/data.json",
    "node_modules/plain/a.js",
    "../packages/linked/index.js",
]


@pytest.fixture
async def development(built_workspace: Path, tmp_path: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    """The same for development: a build takes a tenth of the time and has the same inputs."""
    shutil.copytree(built_workspace, tmp_path, symlinks=True, dirs_exist_ok=True)
    async with BuildSession(tmp_path / "project", toolchain=toolchain, options=BuildOptions(development=True)) as opened:
        await opened.build()
        yield opened


async def test_a_change_of_any_file_in_the_bundle_makes_a_new_component(development: BuildSession) -> None:
    """In random order, in place or by a rename; size and time of modification stay as they were."""
    for seed in range(repetitions(3, long=100)):
        choose = random.Random(seed)
        for name in choose.sample(COMPONENT_FILES, len(COMPONENT_FILES)):
            before = code_of(development, "development")
            _replace_letter(development.root / name, choose, by_rename=choose.random() < 0.5)
            report = await development.build()
            assert (built(report), report.changed) == ({"component"}, Changed(component=True)), name
            assert code_of(development, "development") != before


def _replace_letter(path: Path, choose: random.Random, *, by_rename: bool) -> None:
    """Replaces the one-letter value in the file by another letter."""
    match = re.search(r"""(?:'|: "|<p>)([a-z])(?:['"<])""", path.read_text())
    assert match is not None
    letter = choose.choice([letter for letter in "abcdefgh" if letter != match[1]])
    text, times = f"{match.string[: match.start(1)]}{letter}{match.string[match.end(1) :]}", path.stat()
    target = path.with_name("renamed") if by_rename else path
    target.write_text(text)
    os.utime(target, ns=(times.st_atime_ns, times.st_mtime_ns))
    if by_rename:
        target.replace(path)


async def test_an_unchanged_project_builds_nothing_and_a_changed_manifest_is_named(session: BuildSession) -> None:
    report = await session.build()
    assert (report.cached, report.steps, bool(report.changed)) == (True, (), False)
    (session.root / "manifest.json").write_text(json.dumps({**UI_MANIFEST, "version": "1.0.1"}))
    report = await session.build()
    assert (report.steps, report.changed) == ((), Changed(manifest=True))


async def test_a_page_change_does_not_rebuild_the_component_and_a_style_is_known_as_one(session: BuildSession) -> None:
    before = component_of(session)
    (session.root / "ui" / "src" / "shown.ts").write_text("export const shown = 'b';\n")
    script = await session.build()
    assert (built(script), script.changed) == ({"page"}, Changed(pages=True))
    for name in ("ui/src/style.css", "ui/plain.css"):
        (session.root / name).write_text("p { margin: 7px }")
        style = await session.build()
        assert (built(style), style.changed) == ({"page"}, Changed(pages=True, styles_only=True))
    assert component_of(session) == before
    assert b"7px" in pages_of(session)["main.css"]


async def test_a_page_refers_to_its_script_and_to_the_styles_that_the_script_imports(session: BuildSession) -> None:
    html = pages_of(session)["index.html"].decode()
    assert '<script type="module" src="main.js">' in html
    assert '<link rel="stylesheet" href="main.css">' in html


async def test_a_comment_needs_no_new_component(session: BuildSession) -> None:
    before = component_of(session)
    path = session.root / "src" / "lib" / "alias.ts"
    path.write_text(f"{path.read_text()}// a comment\n")
    report = await session.build()
    assert (built(report), report.changed, component_of(session)) == ({"component"}, Changed(), before)
    assert (await session.build()).cached


async def test_other_tools_make_a_new_component_of_the_same_code_and_so_does_force(
    session: BuildSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, code = component_of(session), code_of(session)
    monkeypatch.setattr("holdfast.__version__", "0.0.0-other")
    assert (await session.build()).changed == Changed(component=True)
    other = component_of(session)
    await session.build(force=True)
    # Two builds of the same code differ in a few bytes.
    assert len({before, other, component_of(session)}) == 3
    assert code_of(session) == code


async def test_a_change_of_what_decides_which_files_are_read_is_used(development: BuildSession) -> None:
    session = development
    root = session.root

    async def is_new_after(name: str, text: str) -> bool:
        old = code_of(session, "development")
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        return (await session.build()).changed.component and code_of(session, "development") != old

    (root / "other").mkdir()
    (root / "other" / "alias.ts").write_text("export const alias = 'other';\n")
    (root.parent / "packages" / "other").mkdir()
    (root.parent / "packages" / "other" / "index.js").write_text("exports.linked = 'other';\n")
    assert await is_new_after("src/build/deep.ts", "export const text = 'wins over deep/index.ts';\n")
    assert await is_new_after("node_modules/plain/package.json", '{"name": "plain", "main": "b.js"}')
    assert await is_new_after("base.json", json.dumps({"compilerOptions": {"paths": {"@/lib/*": ["./other/*"]}}}))
    assert await is_new_after("src/node_modules/plain/index.js", "exports.plain = 'nearer';\n")
    (root / "node_modules" / "linked").unlink()
    (root / "node_modules" / "linked").symlink_to("../../packages/other")
    assert (await session.build()).changed.component
    assert await is_new_after("../packages/other/index.js", "exports.linked = 'edited behind the new link';\n")


async def test_the_inputs_of_a_build_are_the_files_in_it_and_the_folders_around(session: BuildSession) -> None:
    await session.build()
    expected = {"src/handler.ts", "src/build/deep/index.ts", "src/build", "base.json", "ui/plain.css", "ui/src/style.css", "manifest.json"}
    assert {session.root / name for name in expected} <= session.inputs
    assert not any(path.is_relative_to(session.root / "dist") for path in session.inputs)


async def test_a_failed_build_keeps_the_outputs_and_watches_what_could_correct_it(session: BuildSession) -> None:
    before = component_of(session)
    handler = session.root / "src" / "handler.ts"
    good = handler.read_text()
    handler.write_text(f"import {{ gone }} from './gone/module';\nexport const used = gone;\n{good}")
    with pytest.raises(BuildFailed, match="there is no such file"):
        await session.build()
    assert component_of(session) == before
    assert {handler, session.root / "src", session.root.parent / "packages" / "linked" / "index.js"} <= session.inputs
    handler.write_text(good)
    assert (await session.build()).cached


async def test_types_are_checked_beside_the_build_with_the_paths_of_the_project(session: BuildSession) -> None:
    (session.root / "src" / "types.d.ts").write_text("declare module '*.html' { const text: string; export default text; }\n")
    for package in ("linked", "plain"):
        (session.root / "src" / f"{package}.d.ts").write_text(f"declare module '{package}' {{ export const {package}: string; }}\n")
    (session.root / "ui" / "src" / "css.d.ts").write_text("declare module '*.css';\n")
    await session.build()
    assert await session.type_problems() == ()
    (session.root / "src" / "lib" / "alias.ts").write_text("export const alias: number = 'a';\n")
    assert (await session.build()).changed == Changed()
    assert [(problem.file, problem.line) for problem in await session.type_problems()] == [("src/lib/alias.ts", 1)]
    assert [problem.file for problem in (await session.build()).type_problems] == ["src/lib/alias.ts"]


async def test_an_own_build_script_runs_again_only_after_a_change_and_its_component_is_always_the_new_one(
    tmp_path: Path, toolchain: Toolchain
) -> None:
    script = "mkdir -p dist && cat src/build/part > dist/component.wasm && echo run >> ../runs"
    files = {"package.json": json.dumps({"scripts": {"build": script}}), "src/build/part": "one"}
    async with BuildSession(project_of(tmp_path / "project", files), toolchain=toolchain) as session:
        await session.build()
        assert (await session.build()).cached
        (session.root / "src" / "build" / "part").write_text("two")
        report = await session.build()
        assert (built(report), report.changed.component) == ({"script"}, True)
        assert (session.root / "dist" / "main.wasm").read_text() == "two"
        assert (tmp_path / "runs").read_text().split() == ["run", "run"]


async def test_a_build_script_without_its_tools_is_replaced_with_a_warning(tmp_path: Path, toolchain: Toolchain) -> None:
    files = {"package.json": json.dumps({"scripts": {"build": "jco-of-nobody componentize"}}), "src/handler.ts": HANDLER}
    async with BuildSession(project_of(tmp_path, files), toolchain=toolchain) as session:
        report = await session.build()
        assert report.component is not None
        assert "jco-of-nobody is not installed" in report.warnings[0].text
        assert (await session.build()).cached


def test_files_that_were_written_just_before_a_build_are_known_to_it(tmp_path: Path) -> None:
    page = tmp_path / "ui" / "index.html"
    page.parent.mkdir()
    page.write_text("first")
    before = look_before(tmp_path)
    inputs = inputs_of_paths(tmp_path, [page], before)
    assert check_inputs(tmp_path, inputs) is not None
    page.write_text("other")
    assert check_inputs(tmp_path, inputs) is None
    # A file that appears or changes while the build runs could have been read in either state.
    late = tmp_path / "ui" / "late.html"
    late.write_text("late")
    assert check_inputs(tmp_path, inputs_of_paths(tmp_path, [late], before)) is None
