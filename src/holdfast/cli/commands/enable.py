"""`holdfast enable` and `holdfast disable`: switch an install on and off."""

from __future__ import annotations

from holdfast.cli.terminal.clients import open_registry
from holdfast.cli.terminal.options import HERE, Json, TargetOptions
from holdfast.cli.terminal.printing import print_json, print_lines


async def enable(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Enable an installed extension.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    await _set_enabled(name, target, enabled=True, as_json=json)


async def disable(name: str, *, target: TargetOptions = HERE, json: Json = False) -> None:
    """Disable an installed extension and keep its data.

    A disabled extension is not called, and its pages are not served.

    Args:
        name: The extension's name, `publisher.name` or registry id.
    """
    await _set_enabled(name, target, enabled=False, as_json=json)


async def _set_enabled(name: str, target: TargetOptions, *, enabled: bool, as_json: bool) -> None:
    async with open_registry(target) as registry:
        await registry.set_enabled(name, enabled=enabled)
    if as_json:
        print_json({"extension": name, "is_enabled": enabled})
    else:
        print_lines(f"{name} is {'enabled' if enabled else 'disabled'}")
