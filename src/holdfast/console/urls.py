"""Addresses that the console makes and accepts: an extension's frame, a path inside an extension, the target after login."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote, urlencode, urlsplit

from holdfast.errors import CodedError

_BASE = re.compile(r"(?P<origin>https?://[A-Za-z0-9.-]+(?::\d{1,5})?)?(?P<path>(?:/[A-Za-z0-9._~-]+)*)/*")
_CONTENT_HASH = re.compile(r"sha256:[0-9a-fA-F]{64}")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::\d{1,5})?")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")
_MAX_PATH = 2048


class ConsoleUrlError(CodedError):
    """Raised for an address that the console cannot make."""

    STATUSES: ClassVar = {
        # At the start: RUNNER_PUBLIC_BASE is neither a path from the root nor an http(s) address.
        "runner_public_base_invalid": 500,
        # A recorded content hash is not `sha256:` and 64 hexadecimal digits.
        "invalid_content_hash": 500,
    }


def _page_of(entry: str) -> str:
    """The path of the page below the folder of the pages."""
    # A bundle serves the pages of ui/dist and dist/ui as its pages: their folder is not part of an address.
    for folder in ("ui/dist/", "dist/ui/", "ui/"):
        if entry.startswith(folder):
            return quote(entry.removeprefix(folder))
    return "index.html"


@dataclass(frozen=True)
class FrameBase:
    """Where extension pages are served: `origin` is empty for the console's own origin, `path` has no trailing slash."""

    origin: str
    path: str

    @classmethod
    def parse(cls, text: str) -> FrameBase:
        """Parses RUNNER_PUBLIC_BASE. Raises ConsoleUrlError."""
        match = _BASE.fullmatch(text.strip())
        if match is None:
            raise ConsoleUrlError(
                "runner_public_base_invalid",
                f"RUNNER_PUBLIC_BASE is neither a path nor an http(s) address: {text!r}.",
                hint="Set it to a path such as /runner, or to an address such as https://runner.example.com.",
            )
        return cls(match["origin"] or "", match["path"])

    def folder(self, registry_id: str, content_hash: str) -> str:
        """The folder of one bundle's UI files, with a trailing slash. Raises ConsoleUrlError."""
        if _CONTENT_HASH.fullmatch(content_hash) is None:
            raise ConsoleUrlError("invalid_content_hash", "The bundle's recorded hash is malformed.", hint="Install the extension again.")
        return f"{self.origin}{self.path}/ext-ui/{quote(registry_id, safe='')}/{quote(content_hash, safe='')}/"

    def document(self, registry_id: str, content_hash: str, *, path: str, tenant_id: str, entry: str = "ui/index.html") -> str:
        """The address of an extension's document; the page adds `parentOrigin`, which only the browser knows. Raises ConsoleUrlError.

        `entry` is the manifest's `ui.entry`.
        """
        return with_context(f"{self.folder(registry_id, content_hash)}{_page_of(entry)}", registry_id, path=path, tenant_id=tenant_id)

    def frame_source(self, registry_id: str, content_hash: str, *, host: str) -> str:
        """The CSP source expression that allows a frame to show this one bundle, but neither the console nor another extension.

        `host` is the request's Host header. No source expression can name an IPv6 address; for one, the result is `'self'`.
        """
        folder = self.folder(registry_id, content_hash)
        if self.origin:
            return folder
        return f"{host}{folder}" if _HOST.fullmatch(host) else "'self'"

    def versions_source(self, registry_id: str, *, host: str) -> str:
        """As `frame_source`, for every bundle of the extension: development replaces the bundle of an open page."""
        folder = f"{self.origin}{self.path}/ext-ui/{quote(registry_id, safe='')}/"
        if self.origin:
            return folder
        return f"{host}{folder}" if _HOST.fullmatch(host) else "'self'"


def with_context(document: str, registry_id: str, *, path: str, tenant_id: str) -> str:
    """The address of a page with what its SDK reads from the query."""
    query = urlencode({"path": path, "tenant": tenant_id, "extensionId": registry_id})
    return f"{document}?{query}"


def origin_of(address: str) -> str:
    """The origin of an http(s) address, as a CSP source expression names it."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def extension_path(text: str | None) -> str:
    """The path inside an extension that `?path=` names; `/` when it is missing or not a path."""
    return text if text is not None and _is_local(text) else "/"


def local_target(text: str | None) -> str:
    """Where to go after login: `next` if it is a path of this console, else `/`."""
    if text is None or not _is_local(text) or urlsplit(text).path.rstrip("/") in {"/login", "/logout"}:
        return "/"
    return text


def _is_local(text: str) -> bool:
    # Browsers read a backslash as a slash and drop control characters, so "/\\host" and "/\t/host" would lead to another host.
    return (
        text.startswith("/") and not text.startswith("//") and "\\" not in text and len(text) <= _MAX_PATH and not _UNPRINTABLE.search(text)
    )
