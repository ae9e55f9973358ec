"""Which variable each setting was read from, and its value in a form that may be shown."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from msgspec import Struct

from holdfast.settings.settings import Settings, secret_variables, variables_of
from holdfast.settings.sources import ENV_FILE, read_env_file
from holdfast.settings.table.fields import SecretStr

MASK = "********"
DEFAULT = "default"
COMMAND_LINE = "command line"
_URL_NAMES = ("database_url", "bundle_store_base")


class ConfiguredValue(Struct, frozen=True):
    """One setting. `variable` is the one that was read, else the first that could be; `source` says where the value came from.

    `value` is None for what is not set; secrets, and passwords within addresses, are masked.
    """

    name: str
    variable: str
    value: str | int | bool | None
    source: str


def variable_read(name: str, file: Mapping[str, str]) -> tuple[str, str] | None:
    """The variable that a setting was read from, and its source: the environment overrides `file`. None when no variable is set."""
    for source, values in (("environment", os.environ), (ENV_FILE, file)):
        for variable in variables_of(name):
            if values.get(variable):
                return variable, source
    return None


def configuration(settings: Settings, given: Mapping[str, Any]) -> list[ConfiguredValue]:
    """Every setting of `settings`, in the order of the table. `given` are the values of the command line, by field name."""
    file = read_env_file()
    rows = []
    for name in Settings.fields:
        read = variable_read(name, file)
        variable, source = read or (variables_of(name)[0], DEFAULT)
        if given.get(name) is not None:
            source = COMMAND_LINE
        rows.append(ConfiguredValue(name, variable, shown_value(name, getattr(settings, name)), source))
    return rows


def shown_value(name: str, value: object) -> str | int | bool | None:
    """The value of a setting as it may be shown: secrets are masked, and so are passwords within addresses."""
    if isinstance(value, SecretStr) or (isinstance(value, str) and _is_secret(name)):
        return MASK
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    if text.count("://") > 1:
        # Several addresses, of which each can have a password. A comma within a password cuts it into parts that cannot be parsed.
        return ",".join(map(without_password, text.split(",")))
    return without_password(text) if name.endswith("_url") or name in _URL_NAMES or "://" in text else text


def without_password(url: str) -> str:
    """The address with its password masked; all of it masked when it cannot be parsed."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if parts.password is None:
        return url
    # Everything before the last @ is user and password, whatever characters it contains.
    user, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{MASK}@{host}"))


def _is_secret(name: str) -> bool:
    return name != "database_url" and not secret_variables().isdisjoint(variables_of(name))
