"""The console in a browser, logged in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.chromium import WAIT_MILLISECONDS
from tests.e2e.running_platform import RunningPlatform

SCREENSHOTS = Path(os.environ.get("HOLDFAST_SCREENSHOTS", Path(__file__).parents[2] / "build" / "screenshots"))
"""Where tests save their pictures; `make screenshots` points it at docs/images."""


def save_screenshot(page: Page, name: str) -> None:
    """Saves what the page shows as `name`.png."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")


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
