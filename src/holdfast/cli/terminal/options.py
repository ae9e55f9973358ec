"""The options that every command has, and the settings they lead to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import ValidationError

from holdfast.cli.terminal.settings_report import COMMAND_LINE, DEFAULT, read_env_file, variable_read
from holdfast.errors import HoldfastError
from holdfast.settings import Settings, variables_of

Json = Annotated[bool, Parameter("--json", negative="", help="Print the result as one line of JSON.")]
DataDir = Annotated[
    Path | None,
    Parameter(
        "--data-dir", help="Folder of database, bundles and credentials; else HOLDFAST_DATA_DIR, else .holdfast.", show_default=False
    ),
]


class SettingInvalid(HoldfastError):
    """A setting has a value that cannot be used."""

    code = "setting_invalid"
    status = 400


def load_settings(**given: Any) -> Settings:
    """The settings from environment and `.env.runner`, with `given` (by field name; None is not given) put over them.

    Raises SettingInvalid, naming the variable, for a value that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as refused:
        issues = [_issue(issue["loc"], issue["msg"], given) for issue in refused.errors(include_input=False)]
        first = issues[0]
        raise SettingInvalid(
            f"{first['setting']} ({first['source']}) cannot be used: {first['message'].removeprefix('Value error, ')}.",
            hint="Correct it; docs/reference/settings.md lists what each variable means.",
            details={"issues": issues},
        ) from refused


def _issue(location: Sequence[int | str], message: str, given: Mapping[str, Any]) -> dict[str, str]:
    """What is wrong with one setting, under the name of the variable that was read."""
    named = str(location[0]) if location else ""
    name = next((field for field in Settings.model_fields if named == field or named in variables_of(field)), None)
    if name is None or given.get(name) is not None:
        return {"setting": name or named, "source": COMMAND_LINE, "message": message}
    variable, source = variable_read(name, os.environ, read_env_file()) or (named, DEFAULT)
    return {"setting": variable, "source": source, "message": message}
