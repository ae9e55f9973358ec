"""The options that every command has, and the settings they lead to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from pydantic import ValidationError

from holdfast.errors import HoldfastError
from holdfast.settings import Settings

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
        issues = [{"setting": ".".join(map(str, issue["loc"])), "message": issue["msg"]} for issue in refused.errors(include_input=False)]
        first = issues[0]
        raise SettingInvalid(
            f"The setting {first['setting']} cannot be used: {first['message']}.",
            hint="Correct it in the environment, in .env.runner or on the command line.",
            details={"issues": issues},
        ) from refused
