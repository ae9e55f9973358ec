"""What a new user sees in a real browser: log in, find the extensions, use one, read what its handler logged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.console_page import console_page, save_screenshot
from tests.e2e.running_platform import RunningPlatform


@pytest.fixture
def page(browser: Browser, platform: RunningPlatform) -> Iterator[Page]:
    with console_page(browser, platform) as page:
        yield page


def test_a_new_user_opens_hello_world(page: Page, platform: RunningPlatform) -> None:
    save_screenshot(page, "overview")
    extensions = page.get_by_role("navigation").filter(has_text="EXTENSIONS")
    expect(extensions.get_by_role("link", name="Notes", exact=True)).to_be_visible()
    extensions.get_by_role("link", name="Hello World").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("heading")).to_contain_text("Hello")
    expect(frame.locator("body")).to_contain_text(platform.tenant)
    save_screenshot(page, "hello-world")


@pytest.mark.parametrize("label", ["Notes", "Notes (Python)"])
def test_a_note_goes_through_the_bridge_to_the_handler_and_back(page: Page, label: str) -> None:
    page.get_by_role("navigation").get_by_role("link", name=label, exact=True).click()
    frame = page.frame_locator("iframe")
    frame.locator("#note-text").fill(f"Written in the browser, saved by {label}")
    frame.locator("#add-note").click()
    expect(frame.locator("#notes")).to_contain_text(f"Written in the browser, saved by {label}")
    if label == "Notes":
        save_screenshot(page, "notes")
    page.reload()
    expect(page.frame_locator("iframe").locator("#notes")).to_contain_text(f"saved by {label}")
    page.goto(page.url.rstrip("/") + "/debug")
    expect(page.get_by_role("main")).to_contain_text("call finished")
    expect(page.get_by_role("main")).to_contain_text("note")
    if label == "Notes":
        save_screenshot(page, "debug")


def test_the_frame_has_no_access_to_the_console(page: Page) -> None:
    page.get_by_role("navigation").get_by_role("link", name="Notes", exact=True).click()
    frame = page.frame_locator("iframe")
    expect(frame.locator("#note-text")).to_be_visible()
    sandbox = page.locator("iframe").get_attribute("sandbox") or ""
    assert "allow-same-origin" not in sandbox
    inner = next(inner for inner in page.frames if "/ext-ui/" in inner.url)
    assert inner.evaluate("() => { try { return String(parent.document) } catch (error) { return error.name } }") == "SecurityError"
    assert inner.evaluate("() => self.origin") == "null"


def test_a_wrong_password_is_rejected(browser: Browser, platform: RunningPlatform) -> None:
    context = browser.new_context()
    stranger = context.new_page()
    stranger.goto(platform.console)
    stranger.get_by_label("Email").fill(platform.email)
    stranger.get_by_label("Password").fill("wrong")
    stranger.get_by_role("button", name="Log in").click()
    expect(stranger.get_by_role("alert")).to_be_visible()
    assert "/login" in stranger.url
    context.close()
