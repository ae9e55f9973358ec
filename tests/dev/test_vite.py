"""`--ui-url` shows the page of a real Vite in the sandboxed frame, with its hot module replacement. In a real browser."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Browser, expect

from tests.conftest import ROOT
from tests.dev.dev_process import DevProcess, save, write_page_extension
from tests.dev.test_browser import extension_page, frame_of
from tests.waiting import MAX_WAIT_SECONDS, wait_until

VITE = "8.4.0"
_CACHE = ROOT / "build" / f"test-vite-{VITE}"
_ADDRESS = re.compile(r"http://localhost:(\d+)/")


@pytest.fixture(scope="module")
def vite_package() -> Path:
    """Vite from npm, installed once for all runs. Skips when the registry is unreachable."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (_CACHE / "installed").exists():
            (_CACHE / "package.json").write_text('{"private": true}')
            command = ["npm", "install", "--no-audit", "--no-fund", "--no-save", f"vite@{VITE}"]
            done = subprocess.run(command, cwd=_CACHE, capture_output=True, text=True, timeout=MAX_WAIT_SECONDS, check=False)
            if done.returncode != 0:
                pytest.skip(f"npm cannot install Vite: {done.stderr.strip().splitlines()[-1:]}")
            (_CACHE / "installed").touch()
    return _CACHE / "node_modules" / "vite"


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dev") / "vite-page"
    write_page_extension(folder, "vite-page")
    page = folder / "page"
    page.mkdir()
    (page / "package.json").write_text(json.dumps({"private": True, "type": "module"}))
    (page / "index.html").write_text(
        '<!doctype html><html lang="en"><body><h1></h1><output></output><script type="module" src="/main.js"></script></body></html>'
    )
    (page / "message.js").write_text("export const message = 'First';\n")
    (page / "style.css").write_text("h1 { color: rgb(0, 128, 0) }\n")
    (page / "main.js").write_text(
        "import './style.css';\nimport { message } from './message.js';\n"
        "const show = (text) => { document.querySelector('h1').textContent = text; };\n"
        "show(message);\n"
        "document.querySelector('output').textContent = `${self.origin} ${Math.random()}`;\n"
        "if (import.meta.hot) import.meta.hot.accept('./message.js', (changed) => show(changed.message));\n"
    )
    return folder


@pytest.fixture(scope="module")
def vite(vite_package: Path, sources: Path) -> Iterator[str]:
    """The address of a running Vite, without any settings for Holdfast."""
    log = sources.parent / "vite.log"
    with log.open("w") as output:
        process = subprocess.Popen(
            ["node", str(vite_package / "bin" / "vite.js"), "--port", "0"],
            cwd=sources / "page",
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "NO_COLOR": "1"},
        )
    try:
        wait_until(lambda: _ADDRESS.search(log.read_text()) or process.poll() is not None, log.read_text)
        found = _ADDRESS.search(log.read_text())
        assert found is not None, log.read_text()
        yield f"http://localhost:{found[1]}"
    finally:
        process.terminate()
        process.wait(timeout=MAX_WAIT_SECONDS)


@pytest.fixture(scope="module")
def shown(vite: str, dev: DevProcess, sources: Path) -> Iterator[DevProcess]:
    """A second `holdfast dev`, which joins the platform of the first."""
    with DevProcess(sources.parent, sources, "--ui-url", vite, "--data-dir", dev.data_dir) as process:
        process.wait_for("watching")
        yield process


def test_hot_module_replacement_works_in_the_sandboxed_frame(browser: Browser, shown: DevProcess, sources: Path) -> None:
    with extension_page(browser, shown, "vite-page") as page:
        frame = frame_of(page)
        expect(frame.locator("h1")).to_have_text("First")
        state = frame.locator("output").text_content() or ""
        assert state.startswith("null "), "the frame has an opaque origin"
        assert page.locator("#extension-frame").get_attribute("sandbox") == "allow-scripts allow-forms allow-popups"
        save(sources / "page" / "message.js", "export const message = 'Second';\n")
        expect(frame.locator("h1")).to_have_text("Second")
        save(sources / "page" / "style.css", "h1 { color: rgb(255, 0, 0) }\n")
        expect(frame.locator("h1")).to_have_css("color", "rgb(255, 0, 0)")
        # Replaced, not loaded again.
        assert frame.locator("output").text_content() == state
        save(sources / "page" / "message.js", "export const message = 'First';\n")
        expect(frame.locator("h1")).to_have_text("First")


def test_the_proxy_shows_nothing_under_another_name(browser: Browser, shown: DevProcess) -> None:
    """A website that guesses the port reads nothing: the host name is a secret, and no answer to another name allows CORS."""
    with extension_page(browser, shown, "vite-page") as page:
        address = page.locator("[data-frame-stage]").get_attribute("data-page-url")
    assert address is not None
    url = httpx2.URL(address)
    for host in (f"localhost:{url.port}", f"127.0.0.1:{url.port}", f"{'0' * 32}.localhost:{url.port}"):
        denied = httpx2.get(
            f"http://127.0.0.1:{url.port}/main.js", headers={"host": host, "origin": "https://evil.example"}, trust_env=False
        )
        assert denied.status_code == 403
        assert "access-control-allow-origin" not in denied.headers
    allowed = httpx2.get(f"http://127.0.0.1:{url.port}/main.js", headers={"host": f"{url.host}:{url.port}"}, trust_env=False)
    assert allowed.status_code == 200
    assert allowed.headers["content-security-policy"].startswith("sandbox ")
