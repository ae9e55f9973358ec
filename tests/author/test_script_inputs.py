"""A project's own build script for the page runs again after every change of what it read, and after no other change of the handler."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from holdfast.author.building.session import BuildSession
from holdfast.author.inputs.opened_files import OpenedFiles
from holdfast.author.options import BuildOptions
from holdfast.author.tools.toolchain import Toolchain
from tests.author.test_build import project_of
from tests.author.test_incremental import UI_MANIFEST

READ = "const fs = require('fs'); const read = (name) => fs.readFileSync(name, 'utf8');\n"
WRITE = "fs.mkdirSync('dist/ui', {recursive: true}); fs.writeFileSync('dist/ui/index.html', page); fs.appendFileSync('../runs', 'run ');\n"
PAGES = f"{READ}const page = read('ui/page.txt') + read('shared/both.ts');\n{WRITE}"
# As a bundler does that keeps what it knows of the files that have not changed.
CACHING = (
    f"{READ}const kept = fs.existsSync(KEPT) ? JSON.parse(read(KEPT)) : {{}};\n"
    "const load = (name) => { const time = fs.statSync(name).mtimeMs;\n"
    "  if (kept[name]?.[0] !== time) kept[name] = [time, read(name)]; return kept[name][1]; };\n"
    "const page = load('ui/page.txt') + load('shared/both.ts');\n"
    f"fs.mkdirSync(require('path').dirname(KEPT), {{recursive: true}}); fs.writeFileSync(KEPT, JSON.stringify(kept));\n{WRITE}"
)
FILES = {
    "package.json": json.dumps({"scripts": {"build": "node pages.cjs"}}),
    "pages.cjs": PAGES,
    "ui/page.txt": "page 1, ",
    "shared/both.ts": "export const both = 1;\n",
    "src/own.ts": "export const own = 1;\n",
    "src/handler.ts": (
        "import { both } from '../shared/both';\nimport { own } from './own';\n"
        "export const handler = async () => ({ status: 200, body: `${both} ${own}` });\n"
    ),
}


@pytest.fixture
async def session(tmp_path: Path, toolchain: Toolchain) -> AsyncIterator[BuildSession]:
    """A session of a project that is not built yet. Its script appends to the file `runs` next to the project."""
    project = project_of(tmp_path / "project", FILES, UI_MANIFEST)
    async with BuildSession(project, toolchain=toolchain, options=BuildOptions(development=True)) as opened:
        yield opened


async def steps_after(session: BuildSession, name: str, text: str) -> set[str]:
    (session.root / name).write_text(text)
    return {step.name for step in (await session.build()).steps}


def page_of(session: BuildSession) -> str:
    return (session.root / "dist" / "ui" / "index.html").read_text()


async def test_the_script_runs_again_only_after_a_change_of_what_it_read(session: BuildSession) -> None:
    await session.build()
    assert page_of(session) == "page 1, export const both = 1;\n"
    assert await steps_after(session, "src/own.ts", "export const own = 2;\n") == {"component"}
    assert await steps_after(session, "ui/page.txt", "page 2, ") == {"script"}
    assert await steps_after(session, "shared/both.ts", "export const both = 2;\n") == {"script", "component"}
    assert page_of(session) == "page 2, export const both = 2;\n"
    # From now on it reads another file of the handler.
    assert await steps_after(session, "pages.cjs", PAGES.replace("shared/both.ts", "src/own.ts")) == {"script"}
    assert await steps_after(session, "src/own.ts", "export const own = 3;\n") == {"script", "component"}
    assert page_of(session) == "page 2, export const own = 3;\n"
    assert await steps_after(session, "shared/both.ts", "export const both = 3;\n") == {"component"}
    # A file that appears can be found by a pattern.
    assert "script" in await steps_after(session, "src/new.ts", "export const x = 1;\n")
    assert (session.root.parent / "runs").read_text().split() == ["run"] * 6


async def test_a_script_that_read_its_cache_depends_on_every_file(session: BuildSession) -> None:
    (session.root / "pages.cjs").write_text(f"const KEPT = 'ui/node_modules/.cache/tool/state.json';\n{CACHING}")
    await session.build()
    # With the cache, it opens only what has changed.
    assert await steps_after(session, "ui/page.txt", "page 2, ") == {"script"}
    assert await steps_after(session, "shared/both.ts", "export const both = 2;\n") == {"script", "component"}
    assert page_of(session) == "page 2, export const both = 2;\n"


async def test_what_tsc_keeps_stands_for_what_its_last_run_opened(session: BuildSession) -> None:
    (session.root / "pages.cjs").write_text(f"const KEPT = 'node_modules/.tmp/app.tsbuildinfo';\n{CACHING}")
    await session.build()
    assert await steps_after(session, "ui/page.txt", "page 2, ") == {"script"}
    assert await steps_after(session, "src/own.ts", "export const own = 2;\n") == {"component"}
    assert await steps_after(session, "shared/both.ts", "export const both = 2;\n") == {"script", "component"}
    assert page_of(session) == "page 2, export const both = 2;\n"


async def test_opened_files_are_those_of_the_watched_folders(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    for path in (tmp_path / "a", tmp_path / "b", inner / "c"):
        path.write_text("x")
    with OpenedFiles([tmp_path, tmp_path / "gone"]) as opened:
        (tmp_path / "a").read_text()
        (inner / "c").read_text()
        list(tmp_path.iterdir())
        assert (tmp_path / "b").stat().st_size == 1
    assert opened.paths == frozenset({tmp_path / "a"})
    with OpenedFiles(tmp_path / str(number) for number in range(5_000)) as opened:
        pass
    assert opened.paths is None
