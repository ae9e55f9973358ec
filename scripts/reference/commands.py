"""docs/reference/commands.md: every command, argument and option, as `--help` shows them."""

from __future__ import annotations

from collections.abc import Iterable

from holdfast.cli.reference import CommandReference, ParameterReference, walk_commands

HEAD = """# Commands

`alga` runs all of these as well. Every command prints this text with `--help`.
[Use the command line](../guides/use-the-command-line.md) explains consent, exit codes, and how to work on a server."""


def page() -> str:
    """The page as Markdown."""
    commands = [command for command in walk_commands() if not command.is_group]
    index = [f"- [`{command.name}`](#{command.name.replace(' ', '-')}): {command.summary}" for command in commands]
    return "\n\n".join([HEAD, "\n".join(index), *map(_section, commands)]) + "\n"


def _section(command: CommandReference) -> str:
    arguments = [each for each in command.parameters if each.is_argument]
    options = [each for each in command.parameters if not each.is_argument]
    usage = command.usage.removeprefix("Usage:").strip()
    parts = [f"## {command.name}", f"```console\n{usage}\n```", command.summary, command.description]
    return "\n\n".join(filter(None, [*parts, _table("Argument", arguments), _table("Option", options)]))


def _table(kind: str, parameters: Iterable[ParameterReference]) -> str:
    rows = [f"| `{each.label}` | {_cell(each)} |" for each in parameters]
    return "\n".join([f"| {kind} | Meaning |", "|---|---|", *rows]) if rows else ""


def _cell(parameter: ParameterReference) -> str:
    text = " ".join(parameter.text.split()).replace("|", "\\|").replace("<", "&lt;")
    return text if parameter.is_argument or not parameter.required else f"Required. {text}"
