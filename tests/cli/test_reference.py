"""The command tree as data, from which the documentation is made."""

from __future__ import annotations

from holdfast.cli.command_table import COMMANDS
from holdfast.cli.reference import walk_commands


def test_the_reference_has_every_command_with_its_options() -> None:
    commands = {command.name: command for command in walk_commands()}
    assert [name.removeprefix("holdfast ") for name in commands if name.count(" ") == 1] == [*COMMANDS]
    assert commands["holdfast keys"].is_group and commands["holdfast keys api"].is_group
    trust = commands["holdfast keys trust"]
    assert trust.usage == "holdfast keys trust [OPTIONS] PUBLIC-KEY"
    key, *options = trust.parameters
    assert key.is_argument and key.required and key.label.startswith("PUBLIC-KEY")
    assert "--json" in [option.label for option in options] and not any(option.is_argument for option in options)


def test_every_command_has_a_sentence_for_itself_and_for_each_of_its_parameters() -> None:
    for command in walk_commands():
        assert command.summary.endswith("."), command.name
        assert "\n" not in command.summary
        for parameter in command.parameters:
            assert parameter.text.partition(" [")[0].endswith("."), (command.name, parameter)


def test_every_command_accepts_json() -> None:
    for command in walk_commands():
        assert command.is_group or any(parameter.label == "--json" for parameter in command.parameters), command.name
