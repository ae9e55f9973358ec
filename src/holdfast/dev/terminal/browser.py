"""Opens the browser of the user, if there is one to see."""

from __future__ import annotations

import os
import sys
import webbrowser


def has_display() -> bool:
    """Whether a browser that is opened here can be seen: not in a container, a pipeline or over SSH."""
    if sys.platform == "darwin":
        return not os.environ.get("SSH_CONNECTION")
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_browser(address: str) -> bool:
    """Opens the address; whether that worked."""
    try:
        return webbrowser.open(address)
    except (webbrowser.Error, OSError):
        return False
