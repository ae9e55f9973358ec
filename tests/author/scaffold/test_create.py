"""The files of new projects, and that nothing that exists is ever touched."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from holdfast.author.scaffold.create import create_project
from holdfast.author.scaffold.errors import ScaffoldError
from holdfast.author.scaffold.names import name_project
from holdfast.author.scaffold.templates import FOLDER, TEMPLATES, Template, find_template
from holdfast.author.tools.toolchain import SOURCE, Toolchain
from holdfast.bundles.manifest.model import parse_manifest

QUOTED = 'Acme "Cloud" \\ Co'
HANDLERS = {"typescript": "src/handler.ts", "react": "src/handler.ts", "python": "src/handler.py", "page": None}


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)
async def test_a_project_has_every_file_and_no_placeholder(toolchain: Toolchain, tmp_path: Path, template: Template) -> None:
    names = name_project("tickets", QUOTED, parent=tmp_path)
    files = await create_project(names, template, toolchain)
    written = tree(tmp_path / "tickets")
    assert files == sorted(written)
    assert {
        ".gitignore",
        "README.md",
        "manifest.json",
        "package.json",
        "package-lock.json",
        "tsconfig.json",
        "ui/index.html",
    } <= written.keys()
    handler = HANDLERS[template.name]
    assert handler is None or handler in written
    texts = {name: content.decode() for name, content in written.items() if not name.startswith("sdk/")}
    assert {name for name, text in texts.items() if re.search(r"__[A-Z_]+__", text)} == set()
    manifest = parse_manifest(written["manifest.json"])
    assert (manifest.name, manifest.publisher, manifest.display_name) == ("com.acme-cloud-co.tickets", QUOTED, "Tickets")
    assert manifest.needs_component == (handler is not None)
    package = json.loads(texts["package.json"])
    assert (package["name"], package["private"]) == ("tickets", True)
    assert [path.name for path in tmp_path.iterdir()] == ["tickets"]


@pytest.mark.parametrize("layer", sorted(path.parent.name for path in FOLDER.glob("*/package.json")))
def test_packages_are_pinned_to_one_version_and_hash_and_the_tools_are_those_of_the_toolchain(layer: str) -> None:
    package = json.loads((FOLDER / layer / "package.json").read_text())
    declared: dict[str, str] = package.get("dependencies", {}) | package["devDependencies"]
    assert {name: version for name, version in declared.items() if not re.fullmatch(r"\d+\.\d+\.\d+|file:sdk/.*", version)} == {}
    lock = json.loads((FOLDER / layer / "package-lock.json").read_text())["packages"]
    assert lock[""]["devDependencies"] == package["devDependencies"]
    installed: dict[str, dict[str, Any]] = {name: entry for name, entry in lock.items() if name}
    own = installed.pop("node_modules/@holdfast/sdk")
    assert own["integrity"] == "__SDK_INTEGRITY__"
    assert {name for name, entry in installed.items() if not entry["integrity"].startswith("sha512-") or "resolved" in entry} == set()
    # The same versions: then npm has them in its cache when the toolchain is installed.
    tools = json.loads((SOURCE / "package-lock.json").read_text())["packages"]
    for name in ("node_modules/typescript", "node_modules/esbuild"):
        assert installed[name]["version"] == tools[name]["version"], name


@pytest.mark.parametrize("existing", ["folder", "file", "link"])
async def test_what_exists_is_refused_and_stays_as_it_is(toolchain: Toolchain, tmp_path: Path, existing: str) -> None:
    target = tmp_path / "tickets"
    if existing == "folder":
        target.mkdir()
        (target / "mine.txt").write_text("mine")
    elif existing == "file":
        target.write_text("mine")
    else:
        target.symlink_to(tmp_path / "nowhere")
    before = tree(tmp_path)
    with pytest.raises(ScaffoldError) as refused:
        await create_project(name_project("tickets", parent=tmp_path), TEMPLATES[0], toolchain)
    assert refused.value.code == ("folder_unusable" if existing == "link" else "folder_not_empty")
    assert tree(tmp_path) == before


async def test_an_empty_folder_and_one_with_a_new_repository_are_filled(toolchain: Toolchain, tmp_path: Path) -> None:
    for name in ("empty", "repository"):
        (tmp_path / name).mkdir()
    (tmp_path / "repository" / ".git").mkdir()
    (tmp_path / "repository" / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    page = find_template("page")
    await create_project(name_project(".", parent=tmp_path / "empty"), page, toolchain)
    await create_project(name_project("repository", parent=tmp_path), page, toolchain)
    assert (tmp_path / "empty" / "manifest.json").is_file()
    assert (tmp_path / "repository" / "manifest.json").is_file()
    assert (tmp_path / "repository" / ".git" / "HEAD").is_file()


async def test_an_error_while_files_are_written_leaves_nothing(toolchain: Toolchain, tmp_path: Path) -> None:
    layer = tmp_path / "layer"
    layer.mkdir()
    (layer / "sdk").write_text("a file where the folder of the SDK belongs")
    faulty = Template(name="faulty", summary="", layers=("common", str(layer)), next_steps=())
    with pytest.raises(ScaffoldError, match="cannot be written: File exists"):
        await create_project(name_project("tickets", parent=tmp_path / "new"), faulty, toolchain)
    assert list((tmp_path / "new").iterdir()) == []


def test_an_unknown_template_is_refused_with_the_known_ones() -> None:
    assert find_template(" React ").name == "react"
    with pytest.raises(ScaffoldError, match=r'no template "vue"\. Choose one of typescript, page, python, react'):
        find_template("vue")
