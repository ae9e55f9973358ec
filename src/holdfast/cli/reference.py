"""The command tree as data, for the documentation: every command with its arguments and options, as its help page shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cyclopts import App
from cyclopts.help import create_parameter_help_panel, format_doc, format_usage

from holdfast.cli.command_table import ALIASES
from holdfast.cli.main import create_app
from holdfast.cli.root_help import PROGRAM
from holdfast.cli.terminal.help.formatter import label_of, plain_text, text_of


class ParameterReference(NamedTuple):
    """One argument or option. `label` is how it is written, such as `--port INT`; `text` ends with default and choices, if any."""

    label: str
    text: str
    required: bool
    is_argument: bool


class CommandReference(NamedTuple):
    """One command, such as `holdfast keys new`. A group of commands, such as `holdfast keys`, has no parameters.

    `summary` is one line; `description` is the rest of the command's help, empty when there is none.
    """

    name: str
    usage: str
    summary: str
    description: str
    parameters: tuple[ParameterReference, ...]
    is_group: bool


def walk_commands() -> Iterator[CommandReference]:
    """Every command and group of commands, in the order of the command table, a group before its commands.

    Imports every command.
    """
    app = create_app()
    yield from _walk(app, (), app)


def _walk(root: App, path: tuple[str, ...], app: App) -> Iterator[CommandReference]:
    hidden = {*app.help_flags, *app.version_flags, *(ALIASES if app is root else ())}
    for name in app:
        if name in hidden:
            continue
        command = app[name]
        yield _reference(root, (*path, name), command)
        if command.default_command is None:
            yield from _walk(root, (*path, name), command)


def _reference(root: App, path: tuple[str, ...], command: App) -> CommandReference:
    _, apps, _ = root.parse_commands(path)
    with root.app_stack(apps):
        summary, _, description = plain_text(format_doc(command, "plaintext")).partition("\n\n")
        return CommandReference(
            name=" ".join((PROGRAM, *path)),
            usage=plain_text(format_usage(root, path)),
            summary=" ".join(summary.split()),
            description=description.strip(),
            parameters=() if command.default_command is None else tuple(_parameters(command)),
            is_group=command.default_command is None,
        )


def _parameters(command: App) -> Iterator[ParameterReference]:
    arguments = command.assemble_argument_collection(parse_docstring=True)
    for group in arguments.groups:
        for entry in create_parameter_help_panel(group, arguments.filter_by(group=group), "plaintext").entries:
            yield ParameterReference(label_of(entry), text_of(entry), entry.required, entry.positional_label is not None)
