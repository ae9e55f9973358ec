"""Projects with a build script of their own: what is the script's, what Holdfast builds, and what happens when the script fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.building.build import build
from holdfast.author.errors import BuildFailed
from holdfast.author.tools.own_build import missing_program
from holdfast.author.tools.toolchain import Toolchain

HANDLER = "export const handler = async () => ({ status: 204 });\n"
PAGE = "console.log('built by holdfast');\n"
WRITE_PAGE = (
    "const fs = require('fs'); fs.mkdirSync('dist/ui', {recursive: true}); fs.writeFileSync('dist/ui/index.html', 'by the script');"
)


def project_of(folder: Path, script: str, files: dict[str, str], **manifest: Any) -> Path:
    content = {"name": "com.example.own", "publisher": "Example", "version": "1.0.0", "runtime": "wasm-js@1"} | manifest
    package = {"name": "own", "private": True, "scripts": {"build": script}}
    for name, text in {"manifest.json": json.dumps(content), "package.json": json.dumps(package), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


ENDPOINTS: dict[str, Any] = {"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]}


async def test_a_script_that_builds_the_page_leaves_the_component_to_holdfast_each_time(toolchain: Toolchain, tmp_path: Path) -> None:
    files = {"src/handler.ts": HANDLER, "ui/src/main.ts": PAGE, "ui/index.html": "source", "pages.cjs": WRITE_PAGE}
    project = project_of(tmp_path, "node pages.cjs", files, api=ENDPOINTS)
    report = await build(project, toolchain=toolchain)
    assert [path.name for path in (project / "dist" / "ui").iterdir()] == ["index.html"]
    assert (project / "dist" / "ui" / "index.html").read_text() == "by the script"
    assert report.component is not None
    first = report.component.read_bytes()
    (project / "src" / "handler.ts").write_text(HANDLER.replace("204", "205"))
    await build(project, toolchain=toolchain)
    assert report.component.read_bytes() != first, "the component of the last build was taken for the script's"


async def test_a_script_whose_program_is_missing_is_replaced_by_the_build_of_holdfast(toolchain: Toolchain, tmp_path: Path) -> None:
    script = "no-such-jco componentize dist/js/index.js --wit wit --out dist/main.wasm"
    project = project_of(tmp_path, script, {"src/handler.ts": HANDLER}, api=ENDPOINTS)
    lines: list[str] = []
    report = await build(project, toolchain=toolchain, progress=lines.append)
    assert report.component is not None
    (warning,) = [str(problem) for problem in report.warnings if problem.file == "package.json"]
    assert "no-such-jco is not installed" in warning and "Holdfast builds the extension instead" in warning
    assert any("no-such-jco" in line for line in lines)


@pytest.mark.parametrize(
    ("script", "files", "expected"),
    [
        ("node -e \"console.error('the author is to blame'); process.exit(1)\"", {"src/handler.ts": HANDLER}, "the author is to blame"),
        ("no-such-jco componentize", {}, "no-such-jco is missing"),
        ("node -e 0", {}, "neither dist/main.wasm nor dist/component.wasm"),
    ],
)
async def test_a_script_that_fails_otherwise_or_cannot_be_replaced_fails_the_build(
    toolchain: Toolchain, tmp_path: Path, script: str, files: dict[str, str], expected: str
) -> None:
    project = project_of(tmp_path, script, files, api=ENDPOINTS)
    with pytest.raises(BuildFailed, match=expected):
        await build(project, toolchain=toolchain)
    assert not (project / "dist" / "main.wasm").exists()


async def test_a_new_component_of_the_script_replaces_the_one_of_the_last_build(toolchain: Toolchain, tmp_path: Path) -> None:
    files = {"source.txt": "one", "dist/main.wasm": "old"}
    project = project_of(tmp_path, "cp source.txt dist/component.wasm", files, api=ENDPOINTS)
    await build(project, toolchain=toolchain)
    assert (project / "dist" / "main.wasm").read_text() == "one"
    (project / "source.txt").write_text("two")
    await build(project, toolchain=toolchain)
    assert (project / "dist" / "main.wasm").read_text() == "two"


async def test_a_script_that_calls_our_build_through_another_script_ends(toolchain: Toolchain, tmp_path: Path) -> None:
    project = project_of(tmp_path, "npm run build:component", {"src/handler.ts": HANDLER}, api=ENDPOINTS)
    package = json.loads((project / "package.json").read_text())
    package["scripts"]["build:component"] = f"'{sys.executable}' -m holdfast.cli build"
    (project / "package.json").write_text(json.dumps(package))
    report = await build(project, toolchain=toolchain)
    assert report.component is not None


LIFECYCLE = {"prebuild": "cp handler.txt src/handler.ts", "postbuild": "cp dist/component.wasm dist/main.wasm && touch dist/post"}


async def test_prebuild_and_postbuild_run_around_our_build_and_bring_nothing_old_back(toolchain: Toolchain, tmp_path: Path) -> None:
    files = {"handler.txt": HANDLER, "src/handler.ts": "export const wrong = 1;", "dist/component.wasm": "of an earlier build"}
    project = project_of(tmp_path, "alga build", files, api=ENDPOINTS)
    package = json.loads((project / "package.json").read_text())
    package["scripts"] |= LIFECYCLE
    (project / "package.json").write_text(json.dumps(package))
    report = await build(project, toolchain=toolchain)
    assert report.component is not None
    assert report.component.read_bytes().startswith(b"\0asm")
    assert (project / "dist" / "post").is_file()


async def test_npm_runs_them_itself_when_it_runs_the_build(toolchain: Toolchain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_of(tmp_path, "alga build", {"src/handler.ts": HANDLER}, api=ENDPOINTS)
    package = json.loads((project / "package.json").read_text())
    package["scripts"] |= {"prebuild": "exit 1", "postbuild": "exit 1"}
    (project / "package.json").write_text(json.dumps(package))
    with pytest.raises(BuildFailed, match="npm run prebuild failed"):
        await build(project, toolchain=toolchain)
    monkeypatch.setenv("npm_lifecycle_event", "build")
    monkeypatch.setenv("npm_package_json", str(project / "package.json"))
    assert (await build(project, toolchain=toolchain)).component is not None
    monkeypatch.setenv("npm_package_json", str(project.parent / "package.json"))
    with pytest.raises(BuildFailed, match="npm run prebuild failed"):
        await build(project, toolchain=toolchain, force=True)


@pytest.mark.parametrize(
    ("output", "missing"),
    [
        ("sh: 1: jco: not found", "jco"),
        ("sh: line 1: tsc: command not found", "tsc"),
        ("zsh: command not found: esbuild", "esbuild"),
        (
            "Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@bytecodealliance/preview2-shim' imported from /x",
            "@bytecodealliance/preview2-shim",
        ),
        ("Error: Cannot find module 'esbuild'\nRequire stack:", "esbuild"),
        (
            'npm error npx canceled due to missing packages and no YES option: ["@bytecodealliance/jco@1.0.0"]',
            "@bytecodealliance/jco@1.0.0",
        ),
        ("npm error could not determine executable to run", "a program that it needs"),
        ("            This is not the tsc command you are looking for", "tsc"),
        ("Error: failed to get path metadata", "a program that it needs"),
        ("Cannot find module './missing.js'", None),
        ("Cannot find module '/work/scripts/build.mjs'", None),
        ("src/handler.ts(1,1): error TS2304: Cannot find name 'x'.", None),
        ("404 page not found", None),
    ],
)
def test_what_a_script_prints_tells_a_missing_program_from_another_failure(output: str, missing: str | None) -> None:
    assert missing_program(output) == missing
