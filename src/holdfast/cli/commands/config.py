"""`holdfast config`: show and change the settings of an install."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import print_json, print_lines
from holdfast.errors import HoldfastError

config = App(name="config", help="Show and change the settings of an installed extension.", version_flags=[])


class SettingMalformed(HoldfastError):
    """Raised when a setting is not written as key=value, or is not set."""

    code = "setting_malformed"
    status = 400


@config.command(name="get")
async def get_config(name: str, key: str | None = None, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Show all settings of an extension, or one.

    Args:
        name: The extension's name, `publisher.name` or registry id.
        key: The setting to show. Default: all.
    """
    async with open_registry(target) as registry:
        settings = await registry.config(name)
    if key is None:
        _print_settings(settings, as_json=json)
        return
    if key not in settings:
        raise SettingMalformed(f"The setting {key!r} of {name} is not set.", hint=f"List the settings with `holdfast config get {name}`.")
    if json:
        print_json({"config": {key: settings[key]}})
    else:
        print_lines(_value_text(settings[key]))


@config.command(name="set")
async def set_config(
    name: str,
    /,
    *settings: Annotated[str, Parameter(help="key=value. A value that is valid JSON is stored as JSON, anything else as text.")],
    text: Annotated[bool, Parameter(negative="", help="Store every value as text.")] = False,
    target: TargetOptions = HERE,
    json: Json = False,
) -> None:
    """Set one or more settings; the others do not change.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    values = dict(_pair(written, as_text=text) for written in settings)
    if not values:
        raise SettingMalformed("No setting given.", hint="Add key=value after the extension's name.")
    async with open_registry(target) as registry:
        _print_settings(await registry.change_config(name, values=values, unset=()), as_json=json)


@config.command(name="unset")
async def unset_config(
    name: str, /, *keys: Annotated[str, Parameter(help="Settings to remove.")], target: TargetOptions = HERE, json: Json = False
) -> None:
    """Remove one or more settings; the others do not change.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    if not keys:
        raise SettingMalformed("No setting given.", hint="Add its key after the extension's name.")
    async with open_registry(target) as registry:
        _print_settings(await registry.change_config(name, values={}, unset=keys), as_json=json)


def _pair(written: str, *, as_text: bool) -> tuple[str, Any]:
    key, equals, value = written.partition("=")
    if not key.strip() or not equals:
        raise SettingMalformed(f"{written!r} is not a setting.", hint="Write it as key=value.")
    if as_text:
        return key.strip(), value
    try:
        return key.strip(), msgspec.json.decode(value)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return key.strip(), value


def _print_settings(settings: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json({"config": settings})
    else:
        print_lines(*(f"{key}={_value_text(value)}" for key, value in sorted(settings.items())))


def _value_text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
