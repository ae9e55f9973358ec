"""What an author of the guide does before the install: build with npm scripts, use the runtime package, write unit tests."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from holdfast.author.tools.toolchain import Toolchain
from holdfast.bundles.archive.packing import pack
from tests.cli.command_runner import clean_environment, write_extension
from tests.e2e.published_cli import installed_package
from tests.guide.setup import GuideSetup
from tests.scaffolds import scaffold
from tests.waiting import MAX_WAIT_SECONDS

RUNTIME = "@alga-psa/extension-runtime"
ENDPOINTS = {"endpoints": [{"method": "GET", "path": "/data", "handler": "dist/main"}]}

# The shape of the guide's handler: it logs with fields, fetches, and answers with JSON in both cases.
HANDLER = """\
import { Handler, jsonResponse } from '@alga-psa/extension-runtime';

export const handler: Handler = async (req, host) => {
  await host.logging.emit({ level: 'info', message: 'Handling', fields: { path: req.http.path, method: req.http.method } });
  try {
    const data = await host.http.fetch({ url: 'https://api.example.com/data' });
    return jsonResponse({ ok: true, status: data.status });
  } catch (error) {
    await host.logging.emit({ level: 'error', message: 'Fetch failed', fields: { error: String(error) } });
    return jsonResponse({ ok: false, error: String(error) }, { status: 500 });
  }
};
"""


def handler_project(folder: Path, name: str) -> Path:
    project = write_extension(folder / name, name=f"com.example.{name}", api=ENDPOINTS, capabilities=["cap:log.emit", "cap:http.fetch"])
    (project / "src" / "component").mkdir(parents=True)
    (project / "src" / "component" / "handler.ts").write_text(HANDLER)
    return project


def test_row_6_npm_scripts_build_the_pages_and_the_component(tmp_path: Path) -> None:
    project = handler_project(tmp_path, "scripts")
    page = "require('fs').mkdirSync('ui/dist', {recursive: true}); require('fs').writeFileSync('ui/dist/index.html', 'built')"
    scripts = {"build": f'node -e "{page}"', "build:component": "alga build --skip-install"}
    (project / "package.json").write_text(json.dumps({"name": "scripts", "private": True, "scripts": scripts}))
    program = tmp_path / "programs" / "alga"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m holdfast.cli.alga "$@"\n')
    program.chmod(0o755)
    environment = clean_environment()
    environment["PATH"] = f"{program.parent}:{environment['PATH']}"
    done = subprocess.run(
        ["sh", "-c", "npm run build && npm run build:component"],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=MAX_WAIT_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"[build] success: {project / 'dist' / 'main.wasm'}" in done.stdout
    assert {name for name, _ in pack(project).files} == {"manifest.json", "ui/index.html", "dist/main.wasm"}
    assert (project / "ui" / "dist" / "index.html").read_text() == "built"


@pytest.mark.parametrize("runtime", ["ours", "published"])
def test_row_24_the_handler_of_the_guide_builds_and_runs(guide: GuideSetup, tmp_path: Path, runtime: str) -> None:
    project = handler_project(tmp_path, f"guide-{runtime}")
    if runtime == "published":
        (project / "package.json").write_text(json.dumps({"name": "guide", "private": True, "dependencies": {RUNTIME: "^0.3.0"}}))
        shutil.copytree(installed_package(RUNTIME), project / "node_modules" / RUNTIME)
    extension = guide.install(project)["registry_id"]
    with guide.platform.client() as client:
        response = client.get(f"/api/ext/{extension}/data")
    # The manifest names no host that it may call.
    assert (response.status_code, response.json()["ok"]) == (500, False)
    assert "not-allowed" in response.json()["error"]


def test_row_38_unit_tests_use_the_testing_utilities_of_an_installed_package(toolchain: Toolchain, tmp_path: Path) -> None:
    project = tmp_path / "tested"
    shutil.copytree(scaffold("typescript", toolchain), project, ignore=shutil.ignore_patterns("node_modules", "dist"))
    (project / "node_modules").symlink_to(scaffold("typescript", toolchain) / "node_modules")
    (project / "tests" / "mock.test.ts").write_text(
        "import assert from 'node:assert/strict';\n"
        "import { test } from 'node:test';\n"
        "import { createMockHostBindings } from '@holdfast/sdk';\n"
        "test('the mock has the values of the published one', async () => {\n"
        "  const host = createMockHostBindings({ secrets: { get: async (key: string) => `value of ${key}` } });\n"
        "  assert.equal((await host.context.get()).tenantId, 'tenant-mock');\n"
        "  assert.equal(await host.secrets.get('greeting'), 'value of greeting');\n"
        "});\n"
    )
    for script in ("test", "check"):
        done = subprocess.run(
            ["npm", "run", script],
            cwd=project,
            env=clean_environment(TMPDIR=str(tmp_path)),
            capture_output=True,
            text=True,
            timeout=MAX_WAIT_SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
