"""One file of a page as it is served: its type, its entity tags and its headers, computed once."""

from __future__ import annotations

from collections.abc import Mapping

from holdfast.bundles.store.hashing import IndexedFile
from holdfast.runner.ui.encodings import MAX_BYTES, Encoding, is_compressible
from holdfast.runner.ui.media_types import media_type
from holdfast.runner.ui.responses import RawHeaders, Whole
from holdfast.runner.ui.security_headers import file_headers


class Asset:
    """A file below a bundle's `ui`. `packed` maps an encoding to the file of the bundle with this name plus its suffix."""

    __slots__ = ("_common", "_headers", "_not_modified", "encodable", "name", "packed", "sha256", "size", "tag")

    def __init__(self, name: str, entry: IndexedFile, packed: Mapping[Encoding, tuple[str, IndexedFile]], *, policy: str) -> None:
        """`name` is the path below `ui`; `policy` the Content-Security-Policy of documents."""
        kind = media_type(name)
        self.name, self.sha256, self.size, self.packed = name, entry.sha256, entry.size, packed
        varies = is_compressible(kind, entry.size)
        self.encodable = varies and entry.size <= MAX_BYTES
        self.tag = f'"sha256-{entry.sha256}"'.encode()
        # An SVG can contain scripts, which run when it is opened by its address.
        own_policy = policy if kind in ("text/html", "image/svg+xml") else None
        shared = file_headers(document=kind == "text/html", varies=self.encodable, policy=own_policy)
        self._common: RawHeaders = [(name.encode(), value.encode()) for name, value in shared.items()]
        content_type = f"{kind}; charset=utf-8" if kind.startswith("text/") else kind
        self._headers: RawHeaders = [*self._common, (b"content-type", content_type.encode())]
        tags = [self.tag, *([self.tag_of("zstd"), self.tag_of("gzip")] if self.encodable else [])]
        self._not_modified = {tag: Whole(304, [(b"etag", tag), *self._common]) for tag in tags}

    def tag_of(self, encoding: Encoding | None) -> bytes:
        """The strong entity tag of the unencoded file (None), or encoded: other bytes, so another tag."""
        return self.tag if encoding is None else self.tag[:-1] + b"-" + encoding.encode() + b'"'

    def not_modified(self, if_none_match: bytes) -> Whole | None:
        """304 with the tag that the browser has, when it has this file in any encoding (RFC 9110, 13.1.2: compared weakly)."""
        ready = self._not_modified.get(if_none_match)
        if ready is not None:
            return ready
        for element in if_none_match.split(b","):
            tag = element.strip()
            ready = self._not_modified.get(self.tag if tag == b"*" else tag.removeprefix(b"W/"))
            if ready is not None:
                return ready
        return None

    def headers(self, length: int, encoding: Encoding | None = None) -> RawHeaders:
        """The headers of a response with `length` bytes. Only the unencoded file has ranges."""
        how = (b"accept-ranges", b"bytes") if encoding is None else (b"content-encoding", encoding.encode())
        return [*self._headers, (b"etag", self.tag_of(encoding)), how, (b"content-length", b"%d" % length)]
