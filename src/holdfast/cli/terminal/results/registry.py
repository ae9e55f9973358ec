"""Prints results of the registry: as JSON, and as lines for people."""

from __future__ import annotations

from typing import Any

import msgspec

from holdfast.bundles.signing.status import SignatureStatus
from holdfast.cli.terminal.printing import print_json, print_lines
from holdfast.registry.installs.results import Installed, Uninstalled, Upgraded
from holdfast.registry.publishing.results import Published


def installed_json(installed: Installed, url: str) -> dict[str, Any]:
    """An install and the address of its page."""
    return {
        "registry_id": installed.registry_id,
        "version_id": installed.version_id,
        "install_id": installed.install_id,
        "publisher": installed.publisher,
        "name": installed.name,
        "version": installed.version,
        "content_hash": installed.content_hash,
        **_signature(installed.verdict),
        "granted": installed.granted,
        "egress": installed.egress,
        "url": url,
    }


def print_installed(installed: Installed, url: str) -> None:
    """Prints it for people."""
    print_lines(
        f"Installed {installed.display_name} {installed.version}",
        f"  extension  {installed.registry_id}",
        f"  bundle     {installed.content_hash}",
        *([] if installed.verdict is None else [f"  signature  {installed.verdict}"]),
        f"  granted    {', '.join(installed.granted) or 'nothing'}",
        f"  may call   {', '.join(installed.egress) or 'no host'}",
        f"  page       {url}",
    )


def published_json(published: Published, install: dict[str, Any] | None) -> dict[str, Any]:
    """A published version; `install` is the result of also installing it, or None."""
    return {
        "registry_id": published.registry_id,
        "version_id": published.version_id,
        "publisher": published.publisher,
        "name": published.name,
        "version": published.version,
        "content_hash": published.content_hash,
        "size_bytes": published.size_bytes,
        "capabilities": published.capabilities,
        "egress": published.egress,
        **_signature(published.verdict),
        "install": install,
    }


def print_published(published: Published) -> None:
    """Prints it for people."""
    print_lines(
        f"Published {published.display_name} {published.version}",
        f"  name       {published.publisher}.{published.name}",
        f"  extension  {published.registry_id}",
        f"  bundle     {published.content_hash}",
        f"  signature  {published.verdict}",
        f"  size       {published.size_bytes:,} bytes",
        f"  requests   {', '.join(published.capabilities) or 'nothing'}",
        f"  calls      {', '.join(published.egress) or 'no host'}",
    )


def print_uninstalled(removed: Uninstalled, *, as_json: bool) -> None:
    """Prints what was uninstalled."""
    if as_json:
        fields = ("registry_id", "install_id", "publisher", "name", "version")
        fields_json = {name: getattr(removed, name) for name in fields} | {"storage_until": removed.storage_until}
        print_json(msgspec.to_builtins(fields_json))
    else:
        print_lines(f"Uninstalled {removed.name} {removed.version}", f"  its records are retained until {removed.storage_until:%Y-%m-%d}")


def print_upgraded(upgraded: Upgraded, *, as_json: bool, done: str) -> None:
    """Prints the state of an install after `done`, such as `Upgraded`."""
    if as_json:
        print_json(msgspec.to_builtins(upgraded))
        return
    changed = upgraded.from_version != upgraded.version
    print_lines(
        f"{done} from {upgraded.from_version} to {upgraded.version}" if changed else f"Already at {upgraded.version}",
        f"  extension  {upgraded.registry_id}",
        f"  granted    {', '.join(upgraded.granted) or 'nothing'}",
        f"  may call   {', '.join(upgraded.egress) or 'no host'}",
        *(f"  disabled   the schedule {one.schedule_id} of {one.method} {one.path}" for one in upgraded.disabled_schedules),
    )


def _signature(verdict: SignatureStatus | None) -> dict[str, Any]:
    return {"signature": None if verdict is None else verdict.state, "signed_by": None if verdict is None else verdict.key_name}
