"""Settings for a command: read, checked, and with an error that names the variable to correct."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from holdfast.errors import HoldfastError
from holdfast.settings.settings import InvalidSettings, Settings

SHOWN_MAX = 100


class SettingInvalid(HoldfastError):
    """Raised when the value of a setting is invalid."""

    code = "setting_invalid"
    status = 400


def load_settings(**given: Any) -> Settings:
    """The settings of environment and `.env.runner`. `given` values, by field name, override them; None means not given.

    Raises SettingInvalid, which names the variable and shows its value, unless the value may be a secret.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except InvalidSettings as error:
        issues = [_issue(name, given_as, message, given) for name, given_as, message in error.issues]
        first = issues[0]
        value = f"={first['value']!r}" if "value" in first else ""
        raise SettingInvalid(
            f"{first['setting']}{value} ({first['source']}) is invalid: {first['message']}.",
            hint="Correct it; docs/reference/settings.md describes every variable.",
            details={"issues": issues},
        ) from None


def _issue(name: str, given_as: str, message: str, given: Mapping[str, Any]) -> dict[str, str]:
    """One invalid setting, under the name of the variable that was read."""
    # Imported only for an error: every command loads settings, and few are invalid.
    from holdfast.settings.origins import COMMAND_LINE, DEFAULT, MASK, shown_value, variable_read
    from holdfast.settings.sources import ENV_FILE, read_env_file

    file = read_env_file()
    if given.get(name) is not None:
        setting, source, value = name, COMMAND_LINE, str(given[name])
    else:
        setting, source = variable_read(name, file) or (given_as, DEFAULT)
        value = _value_of(setting, source == ENV_FILE, file)
    shown = str(shown_value(name, value))
    issue = {"setting": setting, "source": source, "message": message}
    # An address that cannot be parsed can hide a password anywhere in it.
    return issue if MASK in shown or "@" in shown else issue | {"value": shown[:SHOWN_MAX]}


def _value_of(variable: str, is_in_file: bool, file: Mapping[str, str]) -> str:
    import os

    return (file if is_in_file else os.environ).get(variable, "")
