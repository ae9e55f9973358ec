"""Extensions in the console and over HTTP, and a staging server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.cli.command_runner import run, write_extension
from tests.e2e.console_page import console_page
from tests.guide.setup import GuideSetup
from tests.runner import guests


@pytest.fixture(scope="module")
def notes(guide: GuideSetup, built: Callable[[str], Path]) -> str:
    """The id of the installed sample Notes."""
    return str(guide.install(built("notes"))["registry_id"])


@pytest.mark.usefixtures("notes")
def test_row_12_an_extension_is_in_the_sidebar_and_opens_in_a_frame_below_the_tenant(
    guide: GuideSetup, built: Callable[[str], Path], browser: Browser
) -> None:
    extension = guide.install(built("hello-world"))["registry_id"]
    with console_page(browser, guide.platform) as page:
        expect(page.get_by_role("banner")).to_contain_text(guide.platform.tenant)
        page.get_by_role("navigation").filter(has_text="EXTENSIONS").get_by_role("link", name="Hello World").click()
        expect(page).to_have_url(f"{guide.platform.console}/msp/extensions/{extension}/")
        expect(page.frame_locator("iframe").get_by_role("heading")).to_contain_text("Hello")


def test_row_14_a_page_calls_its_handler_through_the_proxy(guide: GuideSetup, notes: str, browser: Browser) -> None:
    with console_page(browser, guide.platform) as page:
        page.goto(f"{guide.platform.console}/msp/extensions/{notes}/")
        frame = page.frame_locator("iframe")
        frame.locator("#note-text").fill("through the proxy")
        frame.locator("#add-note").click()
        expect(frame.locator("#notes")).to_contain_text("through the proxy")
    with guide.platform.client() as client:
        assert "through the proxy" in [note["text"] for note in client.get(f"/api/ext/{notes}/notes").json()["notes"]]


def test_row_13_a_post_with_a_bearer_token_reaches_the_handler(guide: GuideSetup, notes: str) -> None:
    with guide.platform.client(**{"content-type": "application/json"}) as client:
        created = client.post(f"/api/ext/{notes}/notes", content=b'{"data": "test"}')
        assert (created.status_code, created.json()["text"]) == (201, "test")
        denied = client.post(f"/api/ext/{notes}/notes", content=b'{"data": "test"}', headers={"authorization": "Bearer wrong"})
    assert denied.status_code == 401


def test_row_36_another_runner_is_used_as_soon_as_it_listens(guide: GuideSetup, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "two-runners", name="com.example.two-runners", component=guests.fine().read_bytes())
    address = f"/api/ext/{guide.install(project)['registry_id']}/ping"
    with guide.platform.client() as client:
        assert client.get(address).status_code == 200
        guide.runner.stop()
        try:
            assert client.get(address).status_code == 502
        finally:
            guide.runner.start(HOLDFAST_LOG_LEVEL="debug")
        assert client.get(address).status_code == 200


def test_row_39_an_extension_is_published_and_installed_on_a_staging_server(guide: GuideSetup, tmp_path: Path) -> None:
    project = write_extension(tmp_path / "staged", name="com.example.staged", component=guests.fine().read_bytes())
    variables = {"ALGA_API_KEY": guide.platform.api_key, "HOLDFAST_SERVER": guide.platform.console}
    published = run("publish", project, "--json", cwd=tmp_path, **variables)
    assert published.returncode == 0, published.stderr
    name = "Example.com.example.staged"
    installed = run("install", f"{name}@{json.loads(published.stdout)['version']}", "--yes", "--json", cwd=tmp_path, **variables)
    assert installed.returncode == 0, installed.stderr
    with guide.platform.client() as client:
        assert client.get(f"/api/ext/{json.loads(installed.stdout)['registry_id']}/ping").text == "ok"
