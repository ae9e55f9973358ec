"""Where a command works: on a data folder, or on a server that it reaches with an API key. The key is never on the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter
from msgspec import Struct

from holdfast.cli.terminal.key_files import KeyFileUnusable
from holdfast.errors import HoldfastError

SERVER_VARIABLES = ("HOLDFAST_SERVER", "ALGA_API_BASE_URL")
KEY_VARIABLE = "ALGA_API_KEY"
TENANT_VARIABLES = ("ALGA_TENANT_ID", "ALGA_TENANT")
KEY_MAX_BYTES = 1_024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ServerAddressInvalid(HoldfastError):
    """Raised when the address of a server is not one."""

    code = "server_address_invalid"
    status = 400


class ApiKeyMissing(HoldfastError):
    """Raised when a server is named and no key for it."""

    code = "api_key_missing"
    status = 400


class ServerTarget(Struct, frozen=True, kw_only=True):
    """A server: its address without a slash at the end, the API key, and the tenant that the key must be of (None: whichever it is).

    `seconds` is how long one answer may take; None is as long as its kind may need.
    """

    url: str
    api_key: str
    tenant_id: str | None
    seconds: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether others on the way could read the key: plain HTTP, and not to this machine itself."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in LOOPBACK and not (parts.hostname or "").endswith(".localhost")

    def __repr__(self) -> str:
        return f"ServerTarget({self.url!r})"


@Parameter(name="*")
@dataclass(frozen=True)
class Target:
    """The options that say where: every command about what is published and installed has them."""

    server: Annotated[
        str | None,
        Parameter(help="Address of a server; else HOLDFAST_SERVER, else ALGA_API_BASE_URL, else the data folder.", show_default=False),
    ] = None
    api_key_file: Annotated[
        Path | None, Parameter(help="File whose first line is the server's API key; else ALGA_API_KEY.", show_default=False)
    ] = None
    tenant: Annotated[
        str | None,
        Parameter(("--tenant", "--tenant-id"), help="The tenant; else ALGA_TENANT_ID, else the key's, or the development tenant."),
    ] = None
    data_dir: Annotated[
        Path | None,
        Parameter(
            "--data-dir", help="Folder of database, bundles and credentials; else HOLDFAST_DATA_DIR, else .holdfast.", show_default=False
        ),
    ] = None

    @property
    def tenant_id(self) -> str | None:
        """The tenant that was named, by option or variable."""
        return self.tenant or first_set(*TENANT_VARIABLES)

    def server_target(self) -> ServerTarget | None:
        """The server to work on; None is the data folder. An option counts before a variable, `--data-dir` too.

        Raises ServerAddressInvalid, ApiKeyMissing, KeyFileUnusable.
        """
        url = self.server or (first_set(*SERVER_VARIABLES) if self.data_dir is None else None)
        if not url:
            return None
        return ServerTarget(url=server_address(url), api_key=self.read_api_key(), tenant_id=self.tenant_id)

    def read_api_key(self) -> str:
        """The API key of file or variable. Raises ApiKeyMissing, KeyFileUnusable."""
        key = first_set(KEY_VARIABLE) if self.api_key_file is None else _first_line(self.api_key_file)
        if key is None:
            raise ApiKeyMissing(
                "A server asks for an API key, and none is given.",
                hint=f"Set {KEY_VARIABLE}, or name a file that holds it with --api-key-file.",
            )
        if not (key.isascii() and key.isprintable()):
            raise ApiKeyMissing("The API key has characters that no key has.", hint=f"Look at {KEY_VARIABLE}, or at the key's file.")
        return key


HERE = Target()
"""No option given."""


def first_set(*variables: str) -> str | None:
    """The value of the first of these variables that is set to something."""
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), None)


def server_address(url: str) -> str:
    """The address in the form that paths are appended to. Raises ServerAddressInvalid; an address with a password in it is refused too."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.query or parts.fragment:
        # Not quoted: it can hold a password.
        raise ServerAddressInvalid(
            "The address of the server is not an http:// or https:// address.", hint="Write it like https://holdfast.example.com."
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _first_line(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(KEY_MAX_BYTES).decode().split("\n")[0].strip() or None
    except FileNotFoundError:
        raise KeyFileUnusable(f"There is no {path}.", hint="Name a file that is there.") from None
    except (OSError, UnicodeDecodeError):
        raise KeyFileUnusable(f"{path} cannot be read.", hint="Name a text file whose first line is the API key.") from None
