"""The base of the groups, the kinds of values that settings have, and how their variables are named."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, AliasChoices, BaseModel, ConfigDict


class SettingsGroup(BaseModel):
    """A group of the table. Only `Settings` is used, so pydantic builds no validator for a group: that would double the import time."""

    model_config = ConfigDict(defer_build=True)

    title: ClassVar[str]


_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)


def variables(*names: str) -> AliasChoices:
    """The variables of one setting: each name as it is and with the prefix `RUNNER_`; the first that is set wins."""
    return AliasChoices(*[alias for name in names for alias in (name, f"RUNNER_{name}")])


def parse_log_level(value: Any) -> Any:
    """A log level in our words. Of a filter such as `info,ext=debug` it is the part without a target."""
    if not isinstance(value, str):
        return value
    bare = next((part for part in value.lower().replace(" ", "").split(",") if part and "=" not in part), "info")
    return {"trace": "debug", "warn": "warning", "off": "error"}.get(bare, bare)


def _domain(value: str) -> str:
    name = value.strip().lower()
    if len(name) > 180 or not all(_LABEL.fullmatch(label) for label in name.split(".")):
        raise ValueError("it is not a domain such as apps.example.com")
    return name


def _http_url(value: str) -> str:
    try:
        parts = urlsplit(value.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable:
        # The value is not quoted here: an address can contain a password.
        raise ValueError("it must be an http:// or https:// address")
    return value.strip()


DomainName = Annotated[str, AfterValidator(_domain)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
