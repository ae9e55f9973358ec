"""`alga` as a process: lines, streams and exit codes of the published tool, and the commands of `holdfast`."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import holdfast
from holdfast.bundles.archive.reader import list_entries
from tests.cli.command_runner import clean_environment, write_extension
from tests.waiting import MAX_WAIT_SECONDS


def alga(*arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "holdfast.cli.alga", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=clean_environment(**variables), capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False
    )


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("build", "--help")])
def test_help_is_on_stdout(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = alga(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    for command in ("alga create extension", "alga build", "alga pack", "alga sign", "alga extension publish"):
        assert command in done.stdout


def test_an_unknown_command_is_named_on_stderr_and_the_help_follows(tmp_path: Path) -> None:
    done = alga("frobnicate", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (1, "Unknown command\n")
    assert done.stdout.startswith("alga: ")


def test_every_command_of_holdfast_works(tmp_path: Path) -> None:
    assert alga("--version", cwd=tmp_path).stdout == f"{holdfast.__version__}\n"
    done = alga("new", "Bad Name", "--no-install", "--json", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, "project_name_invalid")
    done = alga("pack", "--json", cwd=tmp_path)
    assert (done.returncode, json.loads(done.stdout)["error"]) == (1, "MANIFEST_NOT_FOUND")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("create", "extension"), "Error: extension name is required"),
        (("create", "component"), "Error: component name is required"),
        (("component", "create"), "Error: component name is required"),
        (("extension", "publish"), "Error: extension directory is required"),
        (("extension", "install"), "Error: registryId is required"),
        (("extension", "install", "x"), "Error: --version is required (or set ALGA_EXTENSION_VERSION)"),
        (("extension", "install", "x", "-v", "1"), "Error: --api-key is required (or set ALGA_API_KEY)"),
        (("extension", "uninstall", "x"), "Error: --api-key is required (or set ALGA_API_KEY)"),
        (("sign",), "Error: bundlePath is required"),
        (("sign", "b", "--alg", "pgp"), "Error: a signature with pgp is not supported"),
        (("sign", "b"), "CLI error: Bundle not found: b"),
        (("create", "extension", "x", "--template", "vue"), "CLI error: Unknown template: vue"),
        (("create", "component", "x", "--template", "vue"), "CLI error: Unknown component template: vue"),
        (("build",), "[build] failed: manifest.json not found in project: "),
        (("pack",), "CLI error: manifest.json not found in project: "),
    ],
)
def test_a_command_line_that_lacks_something_fails_with_one_line(tmp_path: Path, arguments: tuple[str, ...], line: str) -> None:
    done = alga(*arguments, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(line), done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_page_needs_no_component(tmp_path: Path) -> None:
    project = write_extension(tmp_path / "page with 'quotes' $(x)")
    done = alga("build", "--cwd", project, "--frobnicate", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "[build] success (UI-only extension, no WASM build required)\n")
    assert "--frobnicate is unknown" in done.stderr


def test_a_build_that_fails_says_so_with_file_and_line(tmp_path: Path) -> None:
    project = write_extension(tmp_path / "broken", api={"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]})
    (project / "src").mkdir()
    (project / "src" / "handler.ts").write_text("export const handler = (\n")
    done = alga("build", cwd=project)
    assert (done.returncode, done.stdout) == (1, "")
    assert "[build] failed:" in done.stderr and "src/handler.ts:2" in done.stderr
    packed = alga("pack", cwd=project)
    assert packed.returncode == 1
    assert not (project / "dist" / "bundle.tar.zst").exists()


def test_pack_prints_what_the_published_tool_prints_and_packs_again(built: Callable[[str], Path], tmp_path: Path) -> None:
    project = tmp_path / "echo"
    shutil.copytree(built("echo"), project)
    for out in (("--outfile", "one.tar.zst"), ("--out", "one.tar.zst"), ("--out", "one.tar.zst", "--force")):
        done = alga("pack", "--project", project, *out, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    bundle = tmp_path / "one.tar.zst"
    digest = hashlib.sha256(bundle.read_bytes()).hexdigest()
    assert f"sha256:{digest}  one.tar.zst" in done.stdout
    assert "[pack] wrote sidecar: one.tar.zst.sha256" in done.stdout
    assert done.stdout.endswith("\n\n[pack] Bundle ready to install into AlgaPSA: one.tar.zst\n")
    assert (tmp_path / "one.tar.zst.sha256").read_text() == f"{digest}\n"
    # The component is in the bundle once.
    assert [name for name, _ in list_entries(bundle) if name.endswith(".wasm")] == ["dist/main.wasm"]


@pytest.mark.parametrize(
    ("arguments", "line", "handler"),
    [
        (("create", "extension", "one", "--template", "basic"), "Created extension project: one", None),
        (("create", "component", "one"), "Created component project: one", "src/handler.ts"),
        (("component", "create", "one", "--template", "component-basic"), "Created component project: one", "src/handler.ts"),
    ],
)
def test_create_makes_a_project_in_the_directory(tmp_path: Path, arguments: tuple[str, ...], line: str, handler: str | None) -> None:
    done = alga(*arguments, "--dir", "apps", "--no-install", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{line}\n"), done.stderr
    project = tmp_path / "apps" / "one"
    assert (project / "manifest.json").is_file()
    assert handler is None or (project / handler).is_file()
    again = alga(*arguments, "--dir", "apps", "--no-install", cwd=tmp_path)
    assert again.returncode == 1
    assert "CLI error: The folder apps/one exists and is not empty." in again.stderr
