"""The sidebar: one entry for each extension that a user may open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class MenuSource(Protocol):
    """The fields of an install that the menu needs; the registry's `InstallSummary` has them."""

    @property
    def registry_id(self) -> str: ...
    @property
    def is_enabled(self) -> bool: ...
    @property
    def app_menu_label(self) -> str | None: ...
    @property
    def client_portal_menu_label(self) -> str | None: ...


@dataclass(frozen=True)
class MenuEntry:
    label: str
    href: str
    automation_id: str
    registry_id: str


def make_menu(installs: Iterable[MenuSource], *, is_client: bool) -> list[MenuEntry]:
    """The entries, sorted by label regardless of letter case, without disabled installs and blank labels.

    Client users get the extensions that opted into their portal, internal users those with a label for the application's menu.
    """
    entries = []
    for install in installs:
        label = ((install.client_portal_menu_label if is_client else install.app_menu_label) or "").strip()
        if not install.is_enabled or not label:
            continue
        registry_id = install.registry_id
        if is_client:
            entries.append(
                MenuEntry(label, f"/client-portal/extensions/{registry_id}", f"client-sidebar-extension-{registry_id}", registry_id)
            )
        else:
            entries.append(MenuEntry(label, f"/msp/extensions/{registry_id}/", f"ext-menu-{registry_id}", registry_id))
    return sorted(entries, key=lambda entry: (entry.label.casefold(), entry.registry_id))
