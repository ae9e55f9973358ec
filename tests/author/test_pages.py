"""What a page of an extension can be made of, and warnings about what will not work in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from holdfast.author.building.build import build
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
