"""Where a command works: on a data folder, or on a server that it reaches with an API key. The key is never on the command line."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct

from holdfast.client.errors import KeyFileUnusable
from holdfast.errors import HoldfastError

SERVER_VARIABLES = ("HOLDFAST_SERVER", "ALGA_API_BASE_URL")
KEY_VARIABLE = "ALGA_API_KEY"
TENANT_VARIABLES = ("ALGA_TENANT_ID", "ALGA_TENANT")
KEY_MAX_BYTES = 1_024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class ServerAddressInvalid(HoldfastError):
    """Raised when the address of a server is invalid."""

    code = "server_address_invalid"
    status = 400


class ApiKeyMissing(HoldfastError):
    """Raised when a server is set, but no valid API key for it."""

    code = "api_key_missing"
    status = 400


class ServerTarget(Struct, frozen=True, kw_only=True):
    """A server: its address without a slash at the end, the API key, and the tenant that the key must belong to (None: any).

    `seconds` is the longest wait for one response; None selects a limit for each kind of request.
    """

    url: str
    api_key: str
    tenant_id: str | None
    seconds: float | None = None

    @property
    def is_unencrypted(self) -> bool:
        """Whether others on the network can read the key: plain HTTP to a machine other than this one."""
        parts = urlsplit(self.url)
        return parts.scheme == "http" and parts.hostname not in LOOPBACK and not (parts.hostname or "").endswith(".localhost")

    def __repr__(self) -> str:
        return f"ServerTarget({self.url!r})"


@dataclass(frozen=True)
class Target:
    """What a command's options say about where it works. None means that the option is not given."""

    server: str | None = None
    api_key_file: Path | None = None
    tenant: str | None = None
    data_dir: Path | None = None

    @property
    def tenant_id(self) -> str | None:
        """The tenant of option or variable."""
        return self.tenant or first_set(*TENANT_VARIABLES)

    def server_target(self) -> ServerTarget | None:
        """The server to work on, or None for the data folder. An option overrides a variable; so does `--data-dir`.

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
                "The server needs an API key, and you have not set one.",
                hint=f"Set {KEY_VARIABLE}, or name a file that contains the key with --api-key-file.",
            )
        if not (key.isascii() and key.isprintable()):
            raise ApiKeyMissing("The API key has invalid characters.", hint=f"Check {KEY_VARIABLE}, or the file of --api-key-file.")
        return key


def first_set(*variables: str) -> str | None:
    """The value of the first of these variables that is not empty."""
    return next((value for name in variables if (value := os.environ.get(name, "").strip())), None)


def server_address(url: str) -> str:
    """The address, ready to append a path to. Raises ServerAddressInvalid, also for an address that contains a user or password."""
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or parts.username is not None or parts.query or parts.fragment:
        # Not quoted: it can contain a password.
        raise ServerAddressInvalid(
            "The address of the server is not an http:// or https:// address.",
            hint="Write it like https://holdfast.example.com, without user, password, query and fragment.",
        )
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _first_line(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return file.read(KEY_MAX_BYTES).decode().split("\n")[0].strip() or None
    except FileNotFoundError:
        raise KeyFileUnusable(f"The file {path} does not exist.", hint="Check --api-key-file.") from None
    except (OSError, UnicodeDecodeError):
        raise KeyFileUnusable(f"Cannot read {path}.", hint="Name a text file whose first line is the API key.") from None
