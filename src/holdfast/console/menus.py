"""The sidebar: one entry for each extension that a user may open."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol


class MenuSource(Protocol):
    """What of an install the menu is made from; the registry's summary has it."""

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


def menu(installs: Iterable[MenuSource], *, is_client: bool) -> list[MenuEntry]:
    """The entries by label, regardless of letter case. Disabled installs and blank labels are left out.

    Client users get what opted into their portal, everybody else what has a label for the application's menu.
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
