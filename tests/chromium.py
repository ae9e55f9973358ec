"""The browser of the tests: Debian's Chromium without a window, driven by Playwright."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, expect, sync_playwright

from tests.waiting import MAX_WAIT_SECONDS

WAIT_MILLISECONDS = MAX_WAIT_SECONDS * 1000
_PROGRAM = "/usr/bin/chromium"
_ARGUMENTS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser for the length of the block. `expect` waits as long as all waits of the tests."""
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_PROGRAM, args=_ARGUMENTS, timeout=WAIT_MILLISECONDS)
        yield browser
        browser.close()
