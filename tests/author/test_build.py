"""Builds from source: their outputs, what is not built again, and what an author sees when a build fails."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.building.build import build
from holdfast.author.errors import BuildFailed
from holdfast.author.options import BuildOptions
from holdfast.author.project import Language
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.world.functions import INTERFACES
from tests.waiting import MAX_WAIT_SECONDS

MANIFEST: dict[str, Any] = {
    "name": "com.example.thing",
    "publisher": "Example",
    "version": "1.0.0",
    "runtime": "wasm-js@1",
    "api": {"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]},
}
STRICT = '{"compilerOptions": {"strict": true}}'
HANDLER = "export const handler = async () => ({ status: 204 });\n"


def project_of(folder: Path, files: dict[str, str], manifest: dict[str, Any] = MANIFEST) -> Path:
    for name, text in {"manifest.json": json.dumps(manifest), **files}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def imports_of(component: Path) -> set[str]:
    tool = Path(sys.executable).parent / "wasm-tools"
    shown = subprocess.run(
        [tool, "component", "wit", component], capture_output=True, text=True, check=True, timeout=MAX_WAIT_SECONDS
    ).stdout
    world = shown.split("package wasi:")[0]
    return {line.split()[1].rstrip(";") for line in world.splitlines() if line.strip().startswith("import ")}


@pytest.mark.parametrize("name", ["notes", "notes-python", "echo"])
def test_a_component_imports_the_world_and_no_network_or_files_beyond_the_empty_system(built: Callable[[str], Path], name: str) -> None:
    imports = imports_of(built(name) / "dist" / "main.wasm")
    assert {f"alga:extension/{interface}" for interface in INTERFACES} <= imports
    foreign = {name.split("/")[0].split("@")[0] for name in imports} - {"alga:extension"}
    assert foreign <= {"wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random", "wasi:sockets"}
    assert not any(name.startswith("wasi:http") for name in imports)


def test_a_javascript_component_imports_no_sockets(built: Callable[[str], Path]) -> None:
    assert not any(name.startswith("wasi:sockets") for name in imports_of(built("notes") / "dist" / "main.wasm"))


def test_a_page_is_bundled_with_its_static_files_and_without_its_sources(built: Callable[[str], Path]) -> None:
    pages = built("notes") / "dist" / "ui"
    assert sorted(path.relative_to(pages).as_posix() for path in pages.rglob("*")) == ["index.html", "main.js", "style.css"]
    assert "extension-iframe-sdk" not in (pages / "main.js").read_text()


async def test_only_a_changed_project_is_built_again(built: Callable[[str], Path], tmp_path: Path, toolchain: Toolchain) -> None:
    project = tmp_path / "echo"
    shutil.copytree(built("echo"), project)
    again = await build(project, toolchain=toolchain)
    assert (again.cached, again.language, again.component) == (True, Language.JAVASCRIPT, project.resolve() / "dist" / "main.wasm")
    (project / "src" / "handler.ts").write_text(HANDLER)
    assert not (await build(project, toolchain=toolchain)).cached
    assert (await build(project, toolchain=toolchain)).cached
    assert not (await build(project, toolchain=toolchain, force=True)).cached


async def test_a_missing_or_changed_output_is_built_again(built: Callable[[str], Path], tmp_path: Path, toolchain: Toolchain) -> None:
    project = tmp_path / "echo"
    shutil.copytree(built("echo"), project)
    (project / "dist" / "main.wasm").write_bytes(b"altered")
    report = await build(project, toolchain=toolchain)
    assert not report.cached
    assert (project / "dist" / "main.wasm").read_bytes()[:4] == b"\0asm"


async def test_a_ui_only_project_needs_no_toolchain(tmp_path: Path) -> None:
    manifest = {**MANIFEST, "ui": {"type": "iframe", "entry": "ui/index.html"}}
    del manifest["api"]
    project = project_of(tmp_path, {"ui/index.html": "<p>hi</p>"}, manifest)
    report = await build(project, toolchain=Toolchain(tmp_path / "none", node="/no/such/node"))
    assert (report.component, report.pages, report.language) == (None, None, None)


@pytest.mark.parametrize(
    ("files", "place", "words"),
    [
        ({"src/handler.ts": "export const handler = async () => {\n  return ((;\n};\n"}, "src/handler.ts:2", "Unexpected"),
        ({"src/handler.ts": 'import "no-such-package";\n' + HANDLER}, "src/handler.ts:1", "Could not resolve"),
        ({"src/handler.ts": "await 1;\n" + HANDLER}, "src/handler.ts:1", "Top-level await"),
        ({"src/handler.ts": "export const other = 1;\n"}, "src/handler.ts exports other", "no function named handler"),
        (
            {
                "src/handler.ts": "\nexport const handler = (): number => 'text';\n",
                "tsconfig.json": '{"compilerOptions": {"strict": true}}',
            },
            "src/handler.ts:2",
            "TS2322",
        ),
        ({"src/handler.py": "\ndef handler(request, host)\n    pass\n"}, "src/handler.py:2", "SyntaxError"),
    ],
)
async def test_a_build_error_is_reported_with_its_file_and_line(
    tmp_path: Path, toolchain: Toolchain, files: dict[str, str], place: str, words: str
) -> None:
    project = project_of(tmp_path, files)
    with pytest.raises(BuildFailed) as caught:
        await build(project, toolchain=toolchain, options=BuildOptions(strict=True))
    assert place in caught.value.message
    assert words in caught.value.message
    assert not (project / "dist" / "main.wasm").exists()
    assert not list((project / "dist").glob(".main*"))


async def test_a_failed_build_leaves_the_last_good_component(tmp_path: Path, toolchain: Toolchain) -> None:
    project = project_of(tmp_path, {"src/handler.ts": HANDLER})
    await build(project, toolchain=toolchain)
    good = (project / "dist" / "main.wasm").read_bytes()
    (project / "src" / "handler.ts").write_text("export const handler = ;")
    with pytest.raises(BuildFailed):
        await build(project, toolchain=toolchain)
    assert (project / "dist" / "main.wasm").read_bytes() == good
    assert not (project / "dist" / "main.wasm").samefile(project / "src" / "handler.ts")


async def test_a_path_with_spaces_and_shell_characters_builds(tmp_path: Path, toolchain: Toolchain) -> None:
    project = project_of(tmp_path / "it's $(touch x) & more", {"src/handler.ts": HANDLER})
    report = await build(project, toolchain=toolchain)
    assert report.component is not None
    assert report.component.is_file()


async def test_a_handler_written_against_the_world_itself_builds(tmp_path: Path, toolchain: Toolchain) -> None:
    source = (
        "import { logInfo } from 'alga:extension/logging';\nexport function handler(request) { logInfo('x'); return { status: 200 }; }\n"
    )
    assert (await build(project_of(tmp_path, {"src/index.js": source}), toolchain=toolchain)).component is not None


async def test_endpoints_without_a_handler_are_rejected_with_a_hint(tmp_path: Path, toolchain: Toolchain) -> None:
    with pytest.raises(BuildFailed, match="no handler") as caught:
        await build(project_of(tmp_path, {}), toolchain=toolchain)
    assert caught.value.hint is not None
    assert "src/handler.ts" in caught.value.hint


async def test_a_folder_that_is_not_an_extension_is_rejected(tmp_path: Path, toolchain: Toolchain) -> None:
    with pytest.raises(BuildFailed, match=r"manifest\.json"):
        await build(tmp_path, toolchain=toolchain)
    (tmp_path / "manifest.json").write_text("{}")
    with pytest.raises(ManifestError):
        await build(tmp_path, toolchain=toolchain)


async def test_the_projects_own_build_script_runs_and_its_component_is_used(tmp_path: Path, toolchain: Toolchain) -> None:
    script = "mkdir -p dist && printf component > dist/component.wasm"
    project = project_of(tmp_path, {"package.json": json.dumps({"scripts": {"build": script}})})
    await build(project, toolchain=toolchain)
    assert (project / "dist" / "main.wasm").read_text() == "component"


async def test_the_output_of_a_failing_build_script_is_shown(tmp_path: Path, toolchain: Toolchain) -> None:
    project = project_of(tmp_path, {"package.json": json.dumps({"scripts": {"build": "echo it broke here >&2; exit 3"}})})
    with pytest.raises(BuildFailed, match="it broke here"):
        await build(project, toolchain=toolchain)


async def test_a_cancelled_build_leaves_nothing_behind(tmp_path: Path, toolchain: Toolchain) -> None:
    await toolchain.ensure()
    project = project_of(tmp_path, {"src/handler.ts": HANDLER})

    def cancel_when_it_builds(_: str) -> None:
        asyncio.get_running_loop().call_soon(task.cancel)

    task = asyncio.create_task(build(project, toolchain=toolchain, progress=cancel_when_it_builds))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [*(project / "dist").glob("*")] == []


async def test_a_type_error_is_reported_and_fails_only_a_strict_build(tmp_path: Path, toolchain: Toolchain) -> None:
    files = {"src/handler.ts": HANDLER, "ui/main.ts": "export const n: number = 'text';\n", "tsconfig.json": STRICT}
    project = project_of(tmp_path, files)
    with pytest.raises(BuildFailed, match=r"ui/main\.ts:1"):
        await build(project, toolchain=toolchain, options=BuildOptions(strict=True))
    assert [path.name for path in (project / "dist").iterdir() if not path.name.startswith(".holdfast-")] == []
    report = await build(project, toolchain=toolchain)
    assert report.component is not None
    assert [(problem.file, problem.line) for problem in report.type_problems] == [("ui/main.ts", 1)]


def test_a_built_example_packs(bundle: Callable[[str], Path]) -> None:
    assert bundle("notes").stat().st_size > 0
    assert bundle("hello-world").name == "bundle.tar.zst"
