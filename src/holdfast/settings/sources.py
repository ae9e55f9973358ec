"""Where the values of settings come from: the environment, then `.env.runner` in the folder of the process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

ENV_FILE = ".env.runner"


def read_env_file(file: str | None = ENV_FILE) -> Mapping[str, str]:
    """The variables of the file that are set to something; none when there is no file."""
    if file is None or not Path(file).is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(file, encoding="utf-8").items() if value}
