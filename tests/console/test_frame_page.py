"""The page around a frame while it loads, after it has loaded, and when the runner reports an error."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response

from tests.console.site import Site


def test_a_frame_that_sends_no_ready_message_is_shown_once_it_has_loaded(page: Page, site: Site) -> None:
    site.document = HTMLResponse("<!doctype html><p>silent</p>")
    page.goto(site.page)
    expect(page.locator("[data-frame-stage]")).to_have_attribute("aria-busy", "false")
    expect(page.locator("[data-overlay=loading]")).to_be_hidden()
    expect(page.frame_locator("#extension-frame").locator("p")).to_have_text("silent")


@pytest.mark.parametrize(
    ("answer", "code", "advice"),
    [
        (JSONResponse({"code": "extract_failed"}, 500), "extract_failed", "pack it again with"),
        (JSONResponse({"code": "archive_hash_mismatch"}, 502), "archive_hash_mismatch", "differs from the installed one"),
        (JSONResponse({"error": "runner_unreachable", "message": "No runner."}, 502), "runner_unreachable", "try again in a moment"),
        (PlainTextResponse("", 404), "http_404", "ui/index.html"),
        (JSONResponse({"code": "<img src=x>"}, 500), "http_500", "platform's log"),
    ],
)
def test_an_error_of_the_runner_is_shown_with_a_next_step(page: Page, site: Site, answer: Response, code: str, advice: str) -> None:
    site.document = answer
    page.goto(site.page)
    failure = page.locator("[data-overlay=failure]")
    expect(failure).to_be_visible()
    expect(failure.locator("[data-failure-code]")).to_have_text(code)
    expect(failure.locator("[data-failure-advice]")).to_contain_text(advice)
    expect(page.locator("#extension-frame")).to_be_hidden()


def test_try_again_loads_a_frame_that_works_again(page: Page, site: Site) -> None:
    site.document = JSONResponse({"code": "extract_failed"}, 500)
    page.goto(site.page)
    retry = page.get_by_role("button", name="Try again")
    expect(retry).to_be_visible()
    site.document = None
    retry.click()
    expect(page.frame_locator("#extension-frame").locator("p")).to_have_text("hello from the frame")
    expect(page.locator("[data-overlay=failure]")).to_be_hidden()


def test_the_page_complies_with_its_own_policy(page: Page, site: Site) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(site.page)
    page.wait_for_selector('[data-frame-stage][data-state="shown"]')
    assert errors == []
