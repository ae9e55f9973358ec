"""`alga create extension`, `alga create component` and `alga component create`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from holdfast.author.scaffold.create import create_project
from holdfast.author.scaffold.errors import ScaffoldError
from holdfast.author.scaffold.names import DEFAULT_PUBLISHER, name_project
from holdfast.author.scaffold.packages import install_npm_packages
from holdfast.author.scaffold.templates import TEMPLATES, Template, find_template
from holdfast.author.tools.toolchain import Toolchain
from holdfast.cli.alga.arguments import AlgaError, read_arguments
from holdfast.cli.alga.unknown_options import note_unknown
from holdfast.cli.terminal.printing import note, print_lines, progress_notes

PUBLISHED_TEMPLATES = {"basic": "page", "ui-gallery": "react", "component-basic": "typescript"}
"""The templates of the published tool, and what Holdfast has instead."""

DIRECTORY = ("--directory", "--dir")
DEFAULTS = {"extension": "basic", "component": "component-basic"}


async def create(kind: str, tokens: Sequence[str]) -> int:
    """Creates a project of a kind, `extension` or `component`; returns the exit code."""
    given = read_arguments(tokens, values=[("--template",), DIRECTORY, ("--publisher",)], switches=[("--no-install", "--skip-install")])
    note_unknown(given)
    name = given.require_word(0, f"{kind} name")
    template = _template(kind, given.values.get("--template") or DEFAULTS[kind])
    folder = Path(given.values.get("--directory", "."))
    names = name_project(name, given.values.get("--publisher", DEFAULT_PUBLISHER), parent=folder)
    toolchain, progress = Toolchain(), progress_notes(quiet=False)
    await create_project(names, template, toolchain, progress)
    if "--no-install" not in given.switches:
        failure = await install_npm_packages(names.folder, toolchain, progress)
        if failure is not None:
            note(failure)
    print_lines(f"Created {kind} project: {name}")
    return 0


def _template(kind: str, name: str) -> Template:
    try:
        return find_template(PUBLISHED_TEMPLATES.get(name, name))
    except ScaffoldError:
        known = ", ".join([*PUBLISHED_TEMPLATES, *(one.name for one in TEMPLATES)])
        what = "Unknown component template" if kind == "component" else "Unknown template"
        raise AlgaError(f"{what}: {name}", hint=f"(one of {known})") from None
