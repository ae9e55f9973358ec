"""`holdfast new`: create a project from a template."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.author.scaffold.create import check_folder, create_project
from holdfast.author.scaffold.names import DEFAULT_PUBLISHER, ProjectNames, name_project
from holdfast.author.scaffold.packages import create_git_repository, create_python_environment, install_npm_packages
from holdfast.author.scaffold.templates import DEFAULT_TEMPLATE, TEMPLATES, Template, find_template
from holdfast.author.tools.toolchain import Progress, Toolchain
from holdfast.cli.terminal.options import DataDir, Json
from holdfast.cli.terminal.printing import note, print_json, print_lines, progress_notes
from holdfast.cli.terminal.questions import ask, ask_for_choice, can_ask
from holdfast.errors import HoldfastError


class NameMissing(HoldfastError):
    """Raised when no name is given and there is no terminal to ask at."""

    code = "project_name_missing"
    status = 400


async def new(
    name: str | None = None,
    *,
    template: Annotated[
        str | None,
        Parameter(help=f"{', '.join(one.name for one in TEMPLATES)}. Default: a question, or {DEFAULT_TEMPLATE.name}.", show_default=False),
    ] = None,
    directory: Annotated[
        Path, Parameter(("--directory", "--dir"), help="Folder in which the project's folder is created. Default: the current folder.")
    ] = Path(),
    publisher: Annotated[
        str | None,
        Parameter(help=f"Your organisation, as users see it. Default: a question, or {DEFAULT_PUBLISHER}.", show_default=False),
    ] = None,
    install: Annotated[bool, Parameter("--install", help="Install the packages for tests and type check.")] = True,
    git: Annotated[bool, Parameter("--git", help="Create a Git repository, unless the project is in one.")] = True,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Create an extension from a template, with unit tests and type check.

    Asks for what you do not pass, when stdin is a terminal. Never overwrites a file.

    Args:
        name: The project's name, such as tickets or com.acme.tickets; also the name of its folder.
    """
    del data_dir  # every command accepts it, so that scripts need not know which ones use it
    given = name if name is not None else _ask_for_name(directory)
    chosen = find_template(template) if template is not None else _ask_for_template()
    names = name_project(given, publisher if publisher is not None else _ask_for_publisher(given, directory), parent=directory)
    progress = progress_notes(quiet=json)
    toolchain = Toolchain()
    files = await create_project(names, chosen, toolchain, progress)
    failures = await _prepare(names.folder, chosen, toolchain, progress, install=install, git=git)
    steps = [f"cd {shlex.quote(str(names.folder))}", *([] if install else ["npm ci"]), *(command for command, _ in chosen.next_steps)]
    if json:
        print_json(
            {
                "directory": str(names.folder.absolute()),
                "template": chosen.name,
                "name": names.extension,
                "publisher": names.publisher,
                "files": files,
                "problems": failures,
                "next": steps,
            }
        )
        return
    for failure in failures:
        note(failure)
    _print_created(names, chosen, install=install)


async def _prepare(folder: Path, template: Template, toolchain: Toolchain, progress: Progress, *, install: bool, git: bool) -> list[str]:
    """Everything that needs the network or other programs. Returns what failed."""
    failures = [await create_git_repository(folder)] if git else []
    if install:
        failures.append(await install_npm_packages(folder, toolchain, progress))
        if template.has_python:
            failures.append(await create_python_environment(folder, progress))
    return [failure for failure in failures if failure is not None]


def _print_created(names: ProjectNames, template: Template, *, install: bool) -> None:
    steps = [
        (f"cd {shlex.quote(str(names.folder))}", ""),
        *([] if install else [("npm ci", "install the packages for tests and type check")]),
    ]
    steps += template.next_steps
    width = max(len(command) for command, _ in steps)
    print_lines(
        f"Created {names.folder}: {template.summary}.",
        f"The extension is {names.extension} of {names.publisher}; change that in manifest.json before you publish it.",
        "",
        "Next:",
        *(f"  {command:<{width}}  {meaning}".rstrip() for command, meaning in steps),
    )


def _ask_for_name(directory: Path) -> str:
    if not can_ask():
        raise NameMissing("No name given.", hint="Pass the project's name: `holdfast new tickets`.")

    def check(answer: str) -> None:
        check_folder(name_project(answer, parent=directory).folder)

    return ask("Name of the project", check=check)


def _ask_for_template() -> Template:
    if not can_ask():
        note(f"Template: {DEFAULT_TEMPLATE.name}, {DEFAULT_TEMPLATE.summary}. --template chooses another one.")
        return DEFAULT_TEMPLATE
    choices = [(one.name, one.summary) for one in TEMPLATES]
    return TEMPLATES[ask_for_choice("What do you want to build?", choices)]


def _ask_for_publisher(name: str, directory: Path) -> str:
    if not can_ask():
        return DEFAULT_PUBLISHER

    def check(answer: str) -> None:
        name_project(name, answer, parent=directory)

    return ask("Publisher: your organisation, as users see it", default=DEFAULT_PUBLISHER, check=check)
