"""Creates archives for tests: valid ones, and ones that no packing tool writes."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import zstandard

Member = tuple[tarfile.TarInfo, bytes]

MANIFEST = b'{"name": "com.example.notes", "version": "1.0.0", "runtime": "wasm-js@1", "ui": {"type": "iframe", "entry": "ui/index.html"}}'


def regular(name: str, content: bytes = b"x") -> Member:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes, target: str = "") -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def tar_bytes(members: Iterable[Member], tar_format: int = tarfile.PAX_FORMAT) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tar_format) as tar:
        for member, content in members:
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def compressed(path: Path, data: bytes, level: int = 3) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(zstandard.ZstdCompressor(level=level).compress(data))
    return path


def archive(path: Path, *members: Member, tar_format: int = tarfile.PAX_FORMAT) -> Path:
    return compressed(path, tar_bytes(members, tar_format))


def bundle(path: Path, files: dict[str, bytes] | None = None) -> Path:
    """A bundle with a manifest and a page, and whatever `files` adds or replaces."""
    content = {"manifest.json": MANIFEST, "ui/index.html": b"<!doctype html><title>Notes</title>"} | (files or {})
    return archive(path, *(regular(name, data) for name, data in content.items()))
