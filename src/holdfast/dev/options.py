"""What `holdfast dev` was asked to do."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from holdfast.errors import HoldfastError

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class UiUrlInvalid(HoldfastError):
    """Raised for an address of --ui-url that `holdfast dev` cannot show."""

    code = "ui_url_invalid"
    status = 400


class DevOptions(Struct, frozen=True, kw_only=True):
    """The options of one run. `ui_urls` are the origins of development servers, by the name of the extension whose page they serve.

    `artifacts` is the folder of compiled components of the platform on `data_dir`. `opens_browser` is None when only a display decides.
    `port` and `runner_port` are None when not given.
    """

    projects: tuple[Path, ...]
    data_dir: Path
    artifacts: Path
    port: int | None = None
    runner_port: int | None = None
    opens_browser: bool | None = None
    ui_urls: dict[str, str] = {}
    strict: bool = False


def read_ui_urls(written: tuple[str, ...], names: list[str]) -> dict[str, str]:
    """The addresses of `--ui-url`, by the names of the extensions. `NAME=URL`, or only the URL when there is one extension.

    Raises UiUrlInvalid: the address is no http address of this machine, or names no extension.
    """
    found: dict[str, str] = {}
    for text in written:
        name, equals, address = text.partition("=")
        if not equals or "://" in name:
            name, address = "", text
        if not name and len(names) != 1:
            raise UiUrlInvalid(
                f"--ui-url {text} does not say for which of {len(names)} extensions it is.", hint=f"Write it as {names[0]}={text}."
            )
        if name and name not in names:
            raise UiUrlInvalid(f"--ui-url names {name}, which is not one of the extensions.", hint=f"They are {', '.join(names)}.")
        found[name or names[0]] = _origin(address)
    return found


def _origin(address: str) -> str:
    try:
        parts = urlsplit(address)
        usable = parts.scheme == "http" and parts.hostname in LOOPBACK and (parts.port or 80) > 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None:
        raise UiUrlInvalid(f"--ui-url {address} is not an http:// address of this machine.", hint="Write it like http://localhost:5173.")
    return f"http://{parts.netloc}{parts.path.rstrip('/')}"
