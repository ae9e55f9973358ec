"""What a new project is called: its folder, its npm package, its extension and its publisher, from what the author typed."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from msgspec import Struct

from holdfast.author.scaffold.errors import ScaffoldError

DEFAULT_PUBLISHER = "Example"
NAME_MAX_LENGTH = 100
PUBLISHER_MAX_LENGTH = 200
# What npm allows for new packages without a scope, and what is safe in a path, a URL and a shell.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_RESERVED = {"node_modules", "favicon.ico"}


class ProjectNames(Struct, frozen=True):
    """The names of a new project. `extension` is `com.PUBLISHER.NAME`, or the name itself if it already has dots."""

    folder: Path
    package: str
    extension: str
    publisher: str
    title: str


def name_project(name: str, publisher: str = DEFAULT_PUBLISHER, *, parent: Path = Path()) -> ProjectNames:
    """The names for what the author typed: `tickets`, `com.acme.tickets`, a path whose last part is the name, or `.` for `parent` itself.

    Raises ScaffoldError (`project_name_invalid`, `publisher_invalid`).
    """
    folder = parent / name
    # Resolved only to find the name behind `.`; shown as it was typed.
    package = folder.name if folder.name not in ("", "..") else folder.resolve().name
    _check_name(package)
    label = _check_publisher(publisher)
    extension = package if "." in package else f"com.{_slug(label) or 'example'}.{package}"
    words = re.split(r"[-_]+", package.rpartition(".")[2].strip("-_"))
    title = " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])
    return ProjectNames(folder, package, extension, label, title or package)


def _check_name(name: str) -> None:
    if _NAME.fullmatch(name) and not name.endswith(".") and ".." not in name and len(name) <= NAME_MAX_LENGTH and name not in _RESERVED:
        return
    if len(name) > NAME_MAX_LENGTH:
        raise ScaffoldError("project_name_invalid", f"The name is longer than {NAME_MAX_LENGTH} characters.", hint="Choose a shorter one.")
    suggested = _slug(name)
    example = suggested if suggested and suggested not in _RESERVED else "tickets"
    raise ScaffoldError(
        "project_name_invalid",
        f'"{name}" cannot be the name of a project.',
        hint=f"Use lower-case letters, digits, hyphens, underscores and dots, such as `{example}`.",
    )


def _check_publisher(publisher: str) -> str:
    label = publisher.strip()
    if not label or len(label) > PUBLISHER_MAX_LENGTH or not label.isprintable():
        raise ScaffoldError(
            "publisher_invalid",
            f"The publisher must be text of 1 to {PUBLISHER_MAX_LENGTH} characters, without control characters.",
            hint="Use the name of your organisation, such as `Acme`.",
        )
    return label


def _slug(text: str) -> str:
    """The text in the letters that names allow: `Ünal & Söhne` becomes `unal-sohne`."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:NAME_MAX_LENGTH]
