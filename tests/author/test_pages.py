"""What a page of an extension can be made of, and warnings about what will not work in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.author.building.build import build
from holdfast.author.errors import BuildFailed
from holdfast.author.pages.absolute_paths import find_absolute_paths
from holdfast.author.tools.toolchain import Toolchain
from tests.author.test_build import MANIFEST, project_of

PAGE_ONLY = {**{name: value for name, value in MANIFEST.items() if name != "api"}, "ui": {"type": "iframe", "entry": "ui/index.html"}}


async def test_a_page_imports_jsx_styles_css_modules_fonts_images_text_and_json(tmp_path: Path, toolchain: Toolchain) -> None:
    files = {
        "ui/index.html": '<head></head><script type="module" src="./src/main.tsx?v=1"></script>',
        "ui/src/main.tsx": (
            "import './style.css';\nimport names from './box.module.css';\nimport logo from './logo.svg';\nimport text from './text.txt';\n"
            "import data from './data.json';\nimport { Part } from './Part';\n"
            "document.title = [names.box, logo, text, data.answer, Part().type].join() + import.meta.env.MODE;\n"
        ),
        "ui/src/Part.tsx": "export const Part = () => <b>part</b>;\n",
        "ui/src/style.css": "@font-face { font-family: F; src: url('./f.woff2') }",
        "ui/src/box.module.css": ".box { color: red }",
        "ui/src/f.woff2": "font",
        "ui/src/logo.svg": "<svg/>",
        "ui/src/text.txt": "some text",
        "ui/src/data.json": '{"answer": 4242}',
        "node_modules/react/package.json": '{"name": "react"}',
        "node_modules/react/jsx-runtime.js": "exports.jsx = (type) => ({ type });\n",
    }
    await build(project_of(tmp_path, files, PAGE_ONLY), toolchain=toolchain)
    pages = tmp_path / "dist" / "ui"
    script = (pages / "main.js").read_text()
    assert "some text" in script
    assert "4242" in script
    assert {path.suffix for path in pages.iterdir()} == {".html", ".js", ".css", ".svg", ".woff2"}
    html = (pages / "index.html").read_text()
    assert 'src="main.js"' in html
    assert '<link rel="stylesheet" href="main.css"></head>' in html


WORKER_OF_PACKAGE = "export function parse() { try { return new Worker(new URL('./w.js', import.meta.url)) } catch { return 'here' } }\n"


@pytest.mark.parametrize(
    ("start", "line"),
    [
        ("const w = new Worker(new URL('./work.ts', import.meta.url), { type: 'module' });\nw.postMessage(1);\n", 1),
        ("document.title = 'x';\n\nnew  window.SharedWorker(\n  './work.js'\n);\n", 3),
    ],
)
async def test_a_worker_from_a_file_is_refused_with_the_way_out(tmp_path: Path, toolchain: Toolchain, start: str, line: int) -> None:
    project = project_of(tmp_path, {"ui/index.html": "", "ui/src/main.ts": start, "ui/src/work.ts": "postMessage(1)"}, PAGE_ONLY)
    with pytest.raises(BuildFailed) as caught:
        await build(project, toolchain=toolchain)
    [problem] = caught.value.problems
    assert (problem.file, problem.line, problem.source) == ("ui/src/main.ts", line, start.splitlines()[line - 1])
    assert "cannot start a worker from a file" in problem.text
    assert caught.value.hint is not None
    assert "?worker&inline" in caught.value.hint and "EXT_UI_CONTENT_SECURITY_POLICY" in caught.value.hint
    assert not (project / "dist" / "ui").exists()


async def test_a_worker_of_a_package_is_a_warning_and_one_that_is_not_started_is_none(tmp_path: Path, toolchain: Toolchain) -> None:
    files = {
        "ui/index.html": "",
        "ui/src/main.ts": "import { parse } from 'parser';\nimport { unused } from './unused';\ndocument.title = String(parse());\n",
        "ui/src/unused.ts": "// new Worker('./w.js')\nexport const unused = () => new Worker('./w.js');\n",
        "node_modules/parser/package.json": '{"name": "parser", "type": "module", "main": "index.js", "sideEffects": false}',
        "node_modules/parser/index.js": WORKER_OF_PACKAGE,
    }
    project = project_of(tmp_path, files, PAGE_ONLY)
    [warning] = (await build(project, toolchain=toolchain)).warnings
    assert (warning.file, warning.line) == ("node_modules/parser/index.js", 1)
    # A worker from text is the page's own; the policy of the platform decides.
    (project / "ui/src/main.ts").write_text("new Worker(URL.createObjectURL(new Blob(['postMessage(1)'])));\n")
    assert (await build(project, toolchain=toolchain)).warnings == ()


@pytest.mark.parametrize(("config", "hint"), [("ui/vite.config.ts", "base: './'"), ("other.ts", "without the slash")])
def test_a_page_that_loads_its_files_from_the_root_of_the_host_is_named(tmp_path: Path, config: str, hint: str) -> None:
    html = '<!doctype html>\n<a href="/elsewhere">x</a>\n<script type="module" crossorigin src="/assets/index-1.js"></script>'
    project = project_of(tmp_path, {"dist/ui/index.html": html, "dist/ui/assets/index-1.js": "1", config: ""}, PAGE_ONLY)
    (problem,) = find_absolute_paths(project)
    assert (problem.file, problem.line) == ("dist/ui/index.html", 3)
    assert "/assets/index-1.js" in problem.text
    assert hint in str(problem.hint)
    (project / "dist/ui/index.html").write_text(html.replace('"/assets', '"./assets'))
    assert find_absolute_paths(project) == ()


@pytest.mark.parametrize(
    ("code", "column"),
    [
        ("let a=1;new Worker(new URL(new URL(`work-1.js`,import.meta.url).href,``+import.meta.url),{type:`module`});", 9),
        ("new Worker('/assets/work-1.js')", 1),
        # What Vite makes of `./work?worker&inline`.
        ("try{new Worker(URL.createObjectURL(b))}catch{new Worker(`data:text/javascript,`+c)}", None),
    ],
)
async def test_a_page_of_another_tool_that_starts_a_worker_from_a_file_is_warned_about(
    tmp_path: Path, toolchain: Toolchain, code: str, column: int | None
) -> None:
    project = project_of(tmp_path, {"dist/ui/index.html": "", "dist/ui/assets/index.js": f"first;\n{code}"}, PAGE_ONLY)
    warnings = (await build(project, toolchain=toolchain)).warnings
    assert [(one.file, one.line, one.column) for one in warnings] == ([] if column is None else [("dist/ui/assets/index.js", 2, column)])
    assert all(one.hint is not None and "?worker&inline" in one.hint for one in warnings)


async def test_a_handler_can_be_tsx_and_import_text_and_bytes(tmp_path: Path, toolchain: Toolchain) -> None:
    files = {
        "src/handler.tsx": (
            "import mail from './mail.html';\nimport query from './query.sql';\nimport logo from './logo.png';\n"
            "export const handler = async () => ({ status: 200, body: [mail, query, logo.length].join() });\n"
        ),
        "src/mail.html": "<p>hello from the mail</p>",
        "src/query.sql": "select 4242",
        "src/logo.png": "png",
        "package.json": json.dumps({"name": "x"}),
    }
    report = await build(project_of(tmp_path, files), toolchain=toolchain)
    assert report.component is not None
    component = report.component.read_bytes()
    assert b"hello from the mail" in component
    assert b"select 4242" in component
