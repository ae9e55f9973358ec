"""Which settings a command runs with, and where each came from."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from dotenv import dotenv_values
from msgspec import Struct
from pydantic import SecretStr
from rich.markup import escape
from rich.table import Table

from holdfast.cli.terminal.printing import print_json, result_console
from holdfast.settings import Settings, variables_of

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


def variable_read(name: str, environment: Mapping[str, str], file: Mapping[str, str | None]) -> tuple[str, str] | None:
    """The variable that a setting was read from and where it stands: the environment wins over the file; empty is not set."""
    for source, values in (("environment", environment), (env_file(), file)):
        for variable in variables_of(name):
            if values.get(variable):
                return variable, source
    return None


def env_file() -> str:
    """The name of the file that settings are read from, in the folder of the command."""
    return str(Settings.model_config["env_file"])


def read_env_file() -> Mapping[str, str | None]:
    """What stands in that file; nothing when there is none."""
    path = Path(env_file())
    return dotenv_values(path) if path.is_file() else {}


def configuration(settings: Settings, given: Mapping[str, Any]) -> list[ConfiguredValue]:
    """Every setting of `settings`, in the order of the table. `given` are the values of the command line, by field name."""
    file = read_env_file()
    rows = []
    for name in Settings.model_fields:
        read = variable_read(name, os.environ, file)
        variable, source = read or (variables_of(name)[0], DEFAULT)
        if given.get(name) is not None:
            source = COMMAND_LINE
        rows.append(ConfiguredValue(name, variable, _shown(name, getattr(settings, name)), source))
    return rows


def print_configuration(rows: list[ConfiguredValue], *, as_json: bool) -> None:
    """Prints the settings, one a line (a JSON list of objects when `as_json`)."""
    if as_json:
        print_json([{"name": row.name, "variable": row.variable, "value": row.value, "source": row.source} for row in rows])
        return
    table = Table(box=None, pad_edge=False)
    for column in ("variable", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        # Written as one would set it.
        value = "unset" if row.value is None else str(row.value).lower() if isinstance(row.value, bool) else str(row.value)
        table.add_row(row.variable, escape(value), row.source)
    result_console().print(table)


def _shown(name: str, value: object) -> str | int | bool | None:
    if isinstance(value, SecretStr):
        return MASK
    if value is None or isinstance(value, bool | int):
        return value
    text = str(value)
    return _without_password(text) if name.endswith("_url") or name in _URL_NAMES or "://" in text else text


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return MASK
    if parts.password is None:
        return url
    # What stands before the last @ is user and password, whatever else is in it.
    user, host = parts.username or "", parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{user}:{MASK}@{host}"))
