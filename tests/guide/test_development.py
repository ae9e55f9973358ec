"""The guide's loops: change a handler, change a page, use a development server, work on several extensions. With `holdfast dev`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.dev.dev_process import DevProcess, number_source, save, write_handler_extension, write_page_extension
from tests.dev.test_browser import extension_page, frame_of


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        pass


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server of a page. tests/dev/test_vite.py has a real Vite."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "index.html").write_text("<!doctype html><script type=module src=/main.js></script><h1></h1>")
    (folder / "main.js").write_text("document.querySelector('h1').textContent = `served, ${self.origin}`;")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def dev(server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevProcess]:
    folder = tmp_path_factory.mktemp("dev")
    handlers = [_as_in_the_guide(write_handler_extension(folder / name, name)) for name in ("first", "second")]
    shown = write_page_extension(folder / "shown", "shown")
    with DevProcess(folder, *handlers, shown, "--ui-url", f"shown={server}") as process:
        process.wait_for("watching")
        assert process.count("failed") == 0, process.described()
        yield process


def _as_in_the_guide(project: Path) -> Path:
    """The handler where the guide has it: `src/component/handler.ts`."""
    (project / "src").rename(project / "component")
    (project / "src").mkdir()
    (project / "component").rename(project / "src" / "component")
    return project


def test_row_17_an_edited_handler_answers_the_next_call(dev: DevProcess) -> None:
    source = dev.data_dir.parent / "first" / "src" / "component" / "number.ts"
    with dev.client() as http:
        for number in (17, 18):
            save(source, number_source(number))
            assert http.get("/api/ext/com.example.first/n").json() == {"number": number}


def test_row_18_an_edited_page_is_shown_in_the_frame(browser: Browser, dev: DevProcess) -> None:
    page_file = dev.data_dir.parent / "first" / "ui" / "index.html"
    with extension_page(browser, dev, "first") as page:
        expect(frame_of(page).locator("h1")).to_have_text("First")
        save(page_file, page_file.read_text().replace("First", "Edited"))
        expect(frame_of(page).locator("h1")).to_have_text("Edited")


def test_row_19_a_development_server_is_shown_in_the_frame(browser: Browser, dev: DevProcess) -> None:
    with extension_page(browser, dev, "shown") as page:
        # Its module script loads although the origin of the frame is opaque.
        expect(frame_of(page).locator("h1")).to_have_text("served, null")


def test_row_35_several_extensions_are_called_by_id(dev: DevProcess) -> None:
    ids = {name: dev.wait_for("installed", extension=name)["registryId"] for name in ("first", "second")}
    with dev.client() as http:
        for number, name in enumerate(ids, start=35):
            save(dev.data_dir.parent / name / "src" / "component" / "number.ts", number_source(number))
        for number, registry_id in enumerate(ids.values(), start=35):
            assert http.get(f"/api/ext/{registry_id}/n").json() == {"number": number}
