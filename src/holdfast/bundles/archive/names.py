"""Validates the names of archive members: some are accepted, some skipped, the others rejected."""

from __future__ import annotations

from holdfast.bundles.archive.errors import ExtractFailed

NAME_MAX_BYTES = 255


def normalize_name(name: str) -> str | None:
    """The name of a member as a relative path with `/`; None for the archive's root and for files that macOS adds.

    Removes a leading `./`, which `tar` writes. Raises ExtractFailed for every name that could lead elsewhere or hide something: absolute,
    with `.`, `..`, empty or dot-leading segments, backslashes, control characters, or longer than 255 bytes of UTF-8.
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
        raise ExtractFailed("name_encoding", f"The archive contains a name that is not UTF-8: {shown}.") from None
    if len(encoded) > NAME_MAX_BYTES:
        raise ExtractFailed("name_length", f"The archive contains a name longer than {NAME_MAX_BYTES} bytes: {shown}.")
    if "\\" in name or any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        raise ExtractFailed("name_characters", f"The archive contains a name with a backslash or a control character: {shown}.")
    segments = name.split("/")
    hidden = [segment for segment in segments if not segment or segment.startswith(".")]
    if hidden == segments[-1:] and (hidden[0] == ".DS_Store" or hidden[0].startswith("._")):
        # macOS adds these by itself, so they are skipped. Any other dot-file was added on purpose and may hide something.
        return None
    if hidden:
        raise ExtractFailed("name_segment", f"The archive contains a name with a segment that is empty or begins with a dot: {shown}.")
    return name


class UsedNames:
    """The names used so far in one archive. Two members never become one file, even on a file system that ignores case."""

    def __init__(self) -> None:
        self._files: dict[str, str] = {}
        self._folders: set[str] = set()

    def add(self, name: str) -> None:
        """Adds a normalized name. Raises ExtractFailed when it, or a name that differs only in case, was added before."""
        folded = name.casefold()
        parents = {folded[:index] for index, character in enumerate(folded) if character == "/"}
        other = self._files.get(folded)
        if other is not None and other != name:
            raise ExtractFailed(
                "name_twice",
                f"The archive contains {other!a} and {name!a}, which differ only in upper and lower case: one file on many disks.",
            )
        if other is not None or folded in self._folders or not parents.isdisjoint(self._files):
            raise ExtractFailed(
                "name_twice", f"The archive contains the name {name!a} twice (case does not count), or as both a file and a folder."
            )
        self._files[folded] = name
        self._folders |= parents
