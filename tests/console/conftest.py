"""A browser, and a site that shows an extension in the console's own pages and records the requests to the server."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvicorn
from playwright.sync_api import Browser, Page

from tests.chromium import WAIT_MILLISECONDS
from tests.console.platform import Platform, platform_at
from tests.console.site import Site
from tests.waiting import MAX_WAIT_SECONDS


@pytest.fixture(scope="module")
def running_site() -> Iterator[Site]:
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    site = Site(f"http://127.0.0.1:{listening.getsockname()[1]}")
    server = uvicorn.Server(uvicorn.Config(site.app, log_level="error", lifespan="off", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    yield site
    site.resume_calls()
    server.should_exit = True
    thread.join(timeout=MAX_WAIT_SECONDS)
    listening.close()


@pytest.fixture
def site(running_site: Site) -> Iterator[Site]:
    running_site.reset()
    yield running_site
    running_site.resume_calls()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(WAIT_MILLISECONDS)
    yield page
    context.close()


@pytest.fixture
async def platform(tmp_path: Path, database_url: str) -> AsyncIterator[Platform]:
    async with platform_at(tmp_path, database_url=database_url) as platform:
        yield platform
