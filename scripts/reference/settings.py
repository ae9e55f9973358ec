"""docs/reference/settings.md: every setting, by group, read from the one table of settings."""

from __future__ import annotations

from inspect import cleandoc

from holdfast.settings import variables_of
from holdfast.settings.settings import GROUPS
from holdfast.settings.table.kinds import SettingsGroup

HEAD = """# Settings

Every setting of every service. Holdfast reads them from the environment, and from `.env.runner` in the folder where you start a command;
the environment wins. Where several variables are named, the first one that is set wins. `holdfast runner --print-config` shows each value
and its source. A misspelt `HOLDFAST_…` or `RUNNER_…` variable is reported at start, with the name that you probably mean."""


def page() -> str:
    """The page as Markdown."""
    return "\n\n".join([HEAD, *map(_section, GROUPS)]) + "\n"


def _section(group: type[SettingsGroup]) -> str:
    title = group.title
    rows = [_row(name, group) for name in group.own_fields()]
    return "\n".join(
        [
            f"## {title}",
            "",
            cleandoc(group.__doc__ or ""),
            "",
            "| Variable | Default | Meaning | Name in the code |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _row(name: str, group: type[SettingsGroup]) -> str:
    field = group.own_fields()[name]
    default = "not set" if field.default is None or field.default == "" else f"`{field.default}`"
    variables = "<br>".join(f"`{variable}`" for variable in variables_of(name))
    return f"| {variables} | {default} | {field.description} | `{name}` |"
