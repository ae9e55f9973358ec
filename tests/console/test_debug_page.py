"""The live debug page in a real browser."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.console.site import EXTENSION, Site


def event(message: str, *, level: str = "info", stream: str = "log", request_id: str = "req-1", truncated: bool = False) -> str:
    fields = {"ts": 1_700_000_000_123, "level": level, "stream": stream, "requestId": request_id, "message": message}
    return json.dumps({**fields, "tenantId": "t", "extensionId": EXTENSION, "truncated": truncated})


def open_page(page: Page, site: Site) -> None:
    page.goto(f"{site.page}debug")
    expect(page.locator("[data-connection]")).to_have_text("Live")


def messages(page: Page) -> list[str]:
    return page.locator(".event-message").all_text_contents()


def test_an_empty_page_shows_how_to_get_events(page: Page, site: Site) -> None:
    open_page(page, site)
    empty = page.locator("[data-empty]")
    expect(empty).to_contain_text("No events yet")
    expect(empty.get_by_role("link", name="open the extension")).to_have_attribute("href", f"/msp/extensions/{EXTENSION}/")


def test_messages_are_shown_as_text_never_as_markup(page: Page, site: Site) -> None:
    hostile = '<img src=x onerror="document.title=1"><script>1</script>\nsecond line'
    site.events.append(("1", event(hostile, truncated=True)))
    open_page(page, site)
    expect(page.locator(".event")).to_have_count(1)
    assert messages(page) == [hostile + "cut off"]
    assert page.locator(".event img, .event script").count() == 0
    expect(page.locator("[data-empty]")).to_be_hidden()


def test_invalid_events_are_ignored(page: Page, site: Site) -> None:
    site.events += [("1", "not json"), ("2", "null"), ("3", '{"message": 7}'), ("4", event("good"))]
    open_page(page, site)
    expect(page.locator(".event")).to_have_count(1)
    assert messages(page) == ["good"]


def test_levels_streams_and_request_ids_are_filtered(page: Page, site: Site) -> None:
    site.events += [
        ("1", event("a", level="debug")),
        ("2", event("b", level="warning", request_id="req-2")),
        ("3", event("c", level="error", stream="stderr")),
        ("4", event("d", stream="audit")),
    ]
    open_page(page, site)
    expect(page.locator(".event")).to_have_count(4)
    page.locator("[data-level]").first.select_option("warn")
    assert messages(page) == ["b", "c"]
    page.locator("[data-level]").first.select_option("trace")
    page.get_by_label("stderr").uncheck()
    page.get_by_label("audit").uncheck()
    assert messages(page) == ["a", "b"]
    page.locator('[data-request-id="req-2"]').click()
    assert messages(page) == ["b"]
    assert page.url.endswith("/debug?requestId=req-2")
    page.get_by_label("Request id").fill("nothing has this")
    expect(page.locator("[data-nothing-matches]")).to_be_visible()


def test_a_paused_page_shows_new_events_only_after_resume(page: Page, site: Site) -> None:
    open_page(page, site)
    page.get_by_role("button", name="Pause").click()
    site.events.append(("1", event("late")))
    site.stream_ends = True  # the browser reconnects and gets the new event
    expect(page.get_by_role("button", name="Resume (1 new)")).to_be_visible()
    assert messages(page) == []
    page.get_by_role("button", name="Resume (1 new)").click()
    assert messages(page) == ["late"]


def test_after_a_reconnect_no_event_is_shown_twice(page: Page, site: Site) -> None:
    site.events.append(("1", event("first")))
    open_page(page, site)
    expect(page.locator(".event")).to_have_count(1)
    site.events.append(("2", event("second")))
    site.stream_ends = True
    expect(page.locator(".event")).to_have_count(2)
    assert messages(page) == ["first", "second"]
    assert site.streams >= 2


def test_clear_removes_all_events(page: Page, site: Site) -> None:
    site.events.append(("1", event("old")))
    open_page(page, site)
    expect(page.locator(".event")).to_have_count(1)
    page.get_by_role("button", name="Clear").click()
    assert messages(page) == []
    expect(page.locator("[data-count]")).to_have_text("0 shown, 0 stored")


def test_the_page_stores_the_last_two_thousand_events(page: Page, site: Site) -> None:
    site.events += [(str(number), event(f"m{number}")) for number in range(1, 2011)]
    open_page(page, site)
    expect(page.locator("[data-count]")).to_have_text("2000 shown, 2000 stored")
    expect(page.locator(".event-message").first).to_have_text("m11")
    expect(page.locator(".event-message").last).to_have_text("m2010")
