"""Finds variables that look like settings and are none: most likely they are misspelt, and would be ignored without a word."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NamedTuple

from holdfast.settings.settings import Settings, variables_of
from holdfast.settings.sources import ENV_FILE, read_env_file

OTHER_VARIABLES = frozenset({"HOLDFAST_SERVER", "HOLDFAST_API_KEY"})
"""Variables of the client: it reads them without the table of settings."""

_PREFIXES = ("HOLDFAST_", "RUNNER_")
_TEST_PREFIX = "HOLDFAST_TEST_"


class UnknownVariable(NamedTuple):
    """A variable that no setting reads. `source` is where it is set; `suggestion` is the variable that was probably meant."""

    variable: str
    source: str
    suggestion: str | None


def unknown_variables() -> Iterator[UnknownVariable]:
    """The variables of environment and `.env.runner` that begin like settings and are none, sorted by name.

    In the file, every variable is expected to be a setting.
    """
    known = {variable for name in Settings.fields for variable in variables_of(name)} | OTHER_VARIABLES
    file = read_env_file()
    in_environment = {name for name in os.environ if name.startswith(_PREFIXES) and not name.startswith(_TEST_PREFIX)}
    for variable in sorted((in_environment | {*file}) - known):
        yield UnknownVariable(variable, "environment" if variable in in_environment else ENV_FILE, _closest(variable, known))


def _closest(variable: str, known: set[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(variable.upper(), sorted(known), n=1, cutoff=0.75)), None)
