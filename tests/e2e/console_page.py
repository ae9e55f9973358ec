"""The console in a browser, logged in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, expect

from tests.chromium import WAIT_MILLISECONDS
from tests.e2e.running_platform import RunningPlatform


@contextmanager
def console_page(browser: Browser, platform: RunningPlatform) -> Iterator[Page]:
    """A page of a new session, logged in as the administrator. At its end no script may have failed."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT_MILLISECONDS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(platform.console)
    page.get_by_label("Email").fill(platform.email)
    page.get_by_label("Password").fill(platform.password)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("banner")).to_contain_text(platform.tenant)
    yield page
    context.close()
    assert errors == []
