"""An open page follows `holdfast dev`: style sheets, the frame, and the overlay of a failed build. In a real browser."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, FrameLocator, Page, expect

from tests.chromium import WAIT_MILLISECONDS
from tests.dev.dev_process import DevProcess, save
from tests.waiting import wait_until

SCREENSHOTS = os.environ.get("HOLDFAST_SCREENSHOTS")


@contextmanager
def extension_page(browser: Browser, dev: DevProcess, extension: str = "pages") -> Iterator[Page]:
    """The console's page around the extension, logged in. At its end no script may have failed."""
    platform, installed = dev.wait_for("platform"), dev.wait_for("installed", extension=extension)
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.set_default_timeout(WAIT_MILLISECONDS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(installed["page"])
    page.get_by_label("Email").fill(platform["email"])
    page.get_by_label("Password").fill(platform["password"])
    page.get_by_role("button", name="Log in").click()
    expect(frame_of(page).locator("h1")).to_be_visible()
    # The state has arrived: a change from now on is noticed as one.
    expect(page.locator("[data-frame-stage]")).to_have_attribute("data-development", "ready")
    yield page
    context.close()
    assert errors == []


def frame_of(page: Page) -> FrameLocator:
    return page.frame_locator("#extension-frame")


def test_a_style_sheet_is_replaced_and_the_page_keeps_its_state(browser: Browser, dev: DevProcess, project: Path) -> None:
    with extension_page(browser, dev) as page:
        frame = frame_of(page)
        state = frame.locator("output").text_content()
        save(project / "ui" / "style.css", "h1 { color: rgb(255, 0, 0) }")
        expect(frame.locator("h1")).to_have_css("color", "rgb(255, 0, 0)")
        assert frame.locator("output").text_content() == state
        expect(frame.locator("link[rel=stylesheet]")).to_have_count(1)


def test_a_page_file_reloads_only_the_frame(browser: Browser, dev: DevProcess, project: Path) -> None:
    with extension_page(browser, dev) as page:
        frame = frame_of(page)
        page.evaluate("window.keptByTheConsole = true")
        depth = page.evaluate("history.length")
        html = (project / "ui" / "index.html").read_text()
        save(project / "ui" / "index.html", html.replace("First", "Second"))
        expect(frame.locator("h1")).to_have_text("Second")
        save(project / "ui" / "index.html", html)
        expect(frame.locator("h1")).to_have_text("First")
        assert page.evaluate("window.keptByTheConsole") is True
        assert page.evaluate("history.length") == depth
        assert page.locator("#extension-frame").get_attribute("sandbox") == "allow-scripts allow-forms allow-popups"


def test_a_failed_build_is_over_the_page_until_the_next_good_one(browser: Browser, dev: DevProcess) -> None:
    source = dev.data_dir.parent / "alpha" / "src" / "number.ts"
    good = source.read_text()
    with extension_page(browser, dev, "alpha") as page:
        overlay = page.get_by_role("alert")
        save(source, "// How many tickets are open\nexport const number = open.length + ;\n")
        expect(overlay).to_be_visible()
        expect(overlay).to_be_focused()
        expect(overlay.locator("code")).to_have_text("src/number.ts:2:37")
        expect(overlay.locator("pre")).to_contain_text("> 2 │ export const number = open.length + ;")
        if SCREENSHOTS is not None:
            page.screenshot(path=Path(SCREENSHOTS) / "dev-overlay.png")
        # A reader can copy it.
        assert overlay.locator("pre").evaluate("(element) => getComputedStyle(element).userSelect") != "none"
        # The page of the last good version is still there, in its sandbox.
        expect(frame_of(page).locator("h1")).to_have_text("Alpha")
        page.keyboard.press("Escape")
        expect(overlay).to_be_hidden()
        # Another failure shows again what Escape had closed.
        save(source, "export const number = ;\n")
        expect(overlay).to_be_visible()
        save(source, good)
        expect(overlay).to_be_hidden()


def test_a_page_that_connects_later_gets_the_state(browser: Browser, dev: DevProcess, project: Path) -> None:
    manifest = (project / "manifest.json").read_text()
    with extension_page(browser, dev) as page:
        save(project / "manifest.json", "{")
        expect(page.get_by_role("alert")).to_be_visible()
        page.reload()
        expect(page.get_by_role("alert")).to_be_visible()
        save(project / "manifest.json", manifest)
        expect(page.get_by_role("alert")).to_be_hidden()


def wait_for_new(dev: DevProcess, after: int) -> None:
    """Waits for a build that changed what is served."""
    wait_until(lambda: any(event.get("isNew") for event in dev.events[after:]), dev.described)


def test_a_new_file_and_a_folder_made_again_are_noticed(dev: DevProcess, project: Path) -> None:
    folder = project / "ui" / "parts"
    for number in range(2):
        before = len(dev.events)
        folder.mkdir()
        save(folder / "part.html", f"<p>{number}</p>")
        wait_for_new(dev, before)
        before = len(dev.events)
        (folder / "part.html").unlink()
        folder.rmdir()
        wait_for_new(dev, before)


def test_what_editors_leave_next_to_a_file_builds_nothing(dev: DevProcess, project: Path) -> None:
    before = builds_of_pages(dev)
    for name in ("4913", ".index.html.swp", "index.html~", ".#index.html", "#index.html#"):
        (project / "ui" / name).write_text("x")
        (project / "ui" / name).unlink()
    # A save that does build comes after them: had they triggered something, there would be more than this one.
    save(project / "ui" / "main.js", (project / "ui" / "main.js").read_text() + "\n")
    wait_until(lambda: builds_of_pages(dev) > before, dev.described)
    assert builds_of_pages(dev) == before + 1


def builds_of_pages(dev: DevProcess) -> int:
    return sum(event["event"] in ("built", "failed") and event["extension"] == "pages" for event in dev.events)
