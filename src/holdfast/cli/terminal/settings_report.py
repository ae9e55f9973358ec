"""Reports settings: those that a command runs with, and variables that look like settings and are none."""

from __future__ import annotations

import structlog

from holdfast.cli.terminal.printing import print_json, print_table
from holdfast.settings.misspelt import unknown_variables
from holdfast.settings.origins import ConfiguredValue

_log = structlog.get_logger(__name__)


def print_configuration(rows: list[ConfiguredValue], *, as_json: bool) -> None:
    """Prints the settings, one a line (a JSON list of objects when `as_json`)."""
    if as_json:
        print_json([{"name": row.name, "variable": row.variable, "value": row.value, "source": row.source} for row in rows])
        return
    print_table(("variable", "value", "from"), [(row.variable, _text(row.value), row.source) for row in rows])


def _text(value: str | int | bool | None) -> str:
    """The value as one would set it."""
    return "unset" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def warn_about_unknown_variables() -> None:
    """Logs each variable that begins like a setting and is not one, with the variable that you probably mean."""
    for unknown in unknown_variables():
        fields = {} if unknown.suggestion is None else {"did_you_mean": unknown.suggestion}
        _log.warning("unknown setting ignored", variable=unknown.variable, source=unknown.source, **fields)
