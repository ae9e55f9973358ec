"""Writes an image: many files in one, each deflated by itself, from which a component serves its read-only files.

Layout: `HFIMAGE1`, the length of the index (4 bytes, big-endian), the index, the contents.
The index is JSON: path → [offset, stored, size].
`holdfast_sdk.component.file_tree` reads it.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

MAGIC = b"HFIMAGE1"
LISTED_ONLY = -1
"""Stored length of a file that has a name and no content."""


def write_image(target: Path, files: Iterable[tuple[str, bytes | None]]) -> None:
    """Writes `files`, pairs of an absolute POSIX path and a content, to `target`; None lists the file without a content."""
    index: dict[str, tuple[int, int, int]] = {}
    contents: list[bytes] = []
    offset = 0
    for path, content in files:
        if content is None:
            index[path] = (0, LISTED_ONLY, 0)
            continue
        stored = zlib.compress(content, 9)
        index[path] = (offset, len(stored), len(content))
        contents.append(stored)
        offset += len(stored)
    head = msgspec.json.encode(index)
    target.write_bytes(b"".join([MAGIC, len(head).to_bytes(4, "big"), head, *contents]))


def place_images(entry: Path, images: Sequence[Path], files: Iterable[tuple[str, bytes]]) -> None:
    """Puts copies of `images` into the folder `entry`, and one more image of `files`. Of two files with one path, the later one counts."""
    for number, image in enumerate(images):
        shutil.copyfile(image, entry / f"{number}.image")
    write_image(entry / "project.image", files)
