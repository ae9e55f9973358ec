"""Which names of archive members are taken, skipped and refused."""

from __future__ import annotations

from holdfast.bundles.archive.errors import ExtractFailed

NAME_MAX_BYTES = 255


def normalize_name(name: str) -> str | None:
    """The name of a member as a relative path with `/`, or None for the archive's root and for a macOS leftover.

    A leading `./` is taken off, as `tar` writes it. Raises ExtractFailed for every name that could lead elsewhere or hide something:
    absolute, with `.`, `..`, empty or dot-leading segments, backslashes, control characters, or longer than 255 bytes of UTF-8.
    """
    shown = ascii(name[:120])
    while name.startswith("./"):
        name = name[2:]
    name = name.removesuffix("/")
    if name in ("", "."):
        return None
    try:
        encoded = name.encode()
    except UnicodeEncodeError:
        raise ExtractFailed(f"The archive holds a name that is not UTF-8: {shown}.") from None
    if len(encoded) > NAME_MAX_BYTES:
        raise ExtractFailed(f"The archive holds a name longer than {NAME_MAX_BYTES} bytes: {shown}.")
    if "\\" in name or any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        raise ExtractFailed(f"The archive holds a name with a backslash or a control character: {shown}.")
    segments = name.split("/")
    hidden = [segment for segment in segments if not segment or segment.startswith(".")]
    if hidden == segments[-1:] and (hidden[0] == ".DS_Store" or hidden[0].startswith("._")):
        # What macOS adds to folders and archives by itself; every other dot-file was put there by somebody.
        return None
    if hidden:
        raise ExtractFailed(f"The archive holds a name with an empty or dot-leading segment: {shown}.")
    return name


class UsedNames:
    """The names taken so far. Two members never meet in one file, also not where the file system ignores case."""

    def __init__(self) -> None:
        self._files: set[str] = set()
        self._folders: set[str] = set()

    def take(self, name: str) -> None:
        """Takes a cleaned name. Raises ExtractFailed when the name, or one that differs in case only, is there already."""
        folded = name.casefold()
        parents = {folded[:index] for index, character in enumerate(folded) if character == "/"}
        if folded in self._files or folded in self._folders or not parents.isdisjoint(self._files):
            raise ExtractFailed(f"The archive holds the name {name!a} twice, or once as a file and once as a folder.")
        self._files.add(folded)
        self._folders |= parents
