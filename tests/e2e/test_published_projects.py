"""Projects of the published scaffolder, and of its current templates, build with our `alga` and by their own scripts."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.author.building.build import build
from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.archive.packing import pack
from tests.cli.command_runner import clean_environment
from tests.e2e.published_cli import PublishedCli, install
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture(scope="module")
def scaffolder() -> PublishedCli:
    return PublishedCli(install(), "http://127.0.0.1:9", "unused", "unused")


def create(scaffolder: PublishedCli, folder: Path, *arguments: str) -> Path:
    done = scaffolder.run("create", *arguments, "--directory", folder)
    assert done.returncode == 0, done.stderr
    return folder / arguments[1]


def with_alga(folder: Path) -> dict[str, str]:
    """An environment in which `alga` is ours."""
    program = folder / "programs" / "alga"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m holdfast.cli.alga "$@"\n')
    program.chmod(0o755)
    environment = clean_environment()
    return environment | {"PATH": f"{program.parent}:{environment['PATH']}"}


def test_npm_run_build_and_pack_of_a_component_project_work_with_our_alga(scaffolder: PublishedCli, tmp_path: Path) -> None:
    project = create(scaffolder, tmp_path, "component", "visits")
    environment = with_alga(tmp_path)
    for script in ("build", "pack"):
        done = subprocess.run(
            ["npm", "run", script], cwd=project, env=environment, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
    assert f"[pack] Bundle ready to install into AlgaPSA: {project / 'dist' / 'bundle.tar.zst'}" in done.stdout
    assert (project / "dist" / "main.wasm").read_bytes().startswith(b"\0asm")
    # Its own script `postbuild` ran, once, by npm.
    assert (
        json.loads((project / "dist" / "component.json").read_text())["capabilities"]
        == json.loads((project / "manifest.json").read_text())["capabilities"]
    )


async def test_a_page_project_is_built_by_its_own_script(scaffolder: PublishedCli, tmp_path: Path, toolchain: Toolchain) -> None:
    project = create(scaffolder, tmp_path, "extension", "hello", "--template", "basic")
    report = await build(project, toolchain=toolchain)
    assert (report.component, report.warnings) == (None, ())
    names = {name for name, _ in pack(project).files}
    assert names == {"manifest.json", "ui/index.html", "ui/index.js"}


async def test_the_current_component_template_needs_no_package_of_npm(
    scaffolder: PublishedCli, tmp_path: Path, toolchain: Toolchain
) -> None:
    """It differs from the published one in the versions of package.json; its `.gitignore` is there."""
    project = create(scaffolder, tmp_path, "component", "current")
    package = json.loads((project / "package.json").read_text())
    package["dependencies"] = {"@alga-psa/extension-runtime": "^0.3.0"}
    package["devDependencies"] |= {"@alga-psa/cli": "^0.2.0"}
    (project / "package.json").write_text(json.dumps(package))
    report = await build(project, toolchain=toolchain)
    assert report.component is not None
    assert not (project / "node_modules").exists()


async def test_a_peer_conflict_of_a_published_template_does_not_stop_the_build(tmp_path: Path, toolchain: Toolchain) -> None:
    """As with React 19 and the published ui-kit, whose peer is React 18; here with packages in folders, so that it needs no network."""
    project = tmp_path / "conflict"
    for name, described in {
        "kit": {"name": "kit", "version": "1.0.0", "peerDependencies": {"base": "^18.0.0"}},
        "base": {"name": "base", "version": "19.0.0"},
    }.items():
        (project / "packages" / name).mkdir(parents=True)
        (project / "packages" / name / "package.json").write_text(json.dumps(described))
        subprocess.run(
            ["npm", "pack", "--silent", "--pack-destination", project / "packages"],
            cwd=project / "packages" / name,
            check=True,
            capture_output=True,
            timeout=MAX_WAIT_SECONDS,
        )
        shutil.rmtree(project / "packages" / name)
    (project / "ui").mkdir()
    (project / "ui" / "index.html").write_text("<!doctype html><title>Conflict</title>")
    manifest = {
        "name": "com.example.conflict",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "ui": {"type": "iframe", "entry": "ui/index.html"},
    }
    (project / "manifest.json").write_text(json.dumps(manifest))
    package = {
        "name": "conflict",
        "private": True,
        "scripts": {"build": "node -e \"require('fs').cpSync('ui', 'dist/ui', {recursive: true})\""},
        "dependencies": {"kit": "file:packages/kit-1.0.0.tgz", "base": "file:packages/base-19.0.0.tgz"},
    }
    (project / "package.json").write_text(json.dumps(package))
    lines: list[str] = []
    report = await build(project, toolchain=toolchain, progress=lines.append)
    assert report.pages is not None
    assert any("--legacy-peer-deps" in line for line in lines)
