"""A new project of each template, installed and used in a real browser."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from holdfast.author.scaffold.templates import TEMPLATES
from holdfast.author.tools.toolchain import Toolchain
from tests.e2e.console_page import console_page
from tests.e2e.running_platform import RunningPlatform
from tests.scaffolds import scaffold


@pytest.mark.parametrize("template", [template.name for template in TEMPLATES])
def test_a_new_project_works_in_the_browser_as_it_is(
    browser: Browser, platform: RunningPlatform, toolchain: Toolchain, template: str
) -> None:
    installed = platform.command("install", scaffold(template, toolchain))
    assert installed.returncode == 0, installed.stderr
    title = f"New {template}"
    with console_page(browser, platform) as page:
        page.get_by_role("navigation").get_by_role("link", name=title, exact=True).click()
        frame = page.frame_locator("iframe")
        expect(frame.get_by_role("heading", name=title)).to_be_visible()
        status = frame.get_by_role("status")
        if template == "page":
            expect(status).to_have_text(re.compile(r"^It is \d\d:\d\d\.$"))
            return
        expect(status).to_have_text("No visits yet.")
        frame.get_by_role("button", name="Count a visit").click()
        expect(status).to_have_text("One visit.")
        # Stored, not only shown.
        page.reload()
        expect(page.frame_locator("iframe").get_by_role("status")).to_have_text("One visit.")
    removed = platform.command("uninstall", f"com.example.new-{template}")
    assert removed.returncode == 0, removed.stderr


def test_the_steps_that_it_prints_are_those_of_the_readme() -> None:
    for template in TEMPLATES:
        readme = template.files()["README.md"].read_text()
        assert all(command.replace("python3", "python") in readme for command, _ in template.next_steps), template.name
        assert Path(template.files()["manifest.json"]).is_file()
