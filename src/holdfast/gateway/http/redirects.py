"""Where a redirect of an extension may lead: anywhere on other hosts, and on the gateway's own host only to the extension itself.

An extension does not know below which prefix it is reached. It writes a path as it sees its own: `Location: /notes/7` means its endpoint
`/notes/7`, which the caller reaches as `/api/ext/{extension}/notes/7`.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

# Browsers read a backslash as a slash and drop tabs and line ends. No honest redirect needs any of them.
_AMBIGUOUS = re.compile(r"[\\\t\r\n]")


def redirect_target(location: str, *, own_url: str, own_prefix: str) -> str | None:
    """The `location` that the caller gets for the one that an extension sent, or None: the header is dropped.

    `own_url` is the address of the request, `own_prefix` the path, with `/` at its end, below which the extension is reached. A reference
    without a host is one within the extension, whose root is `own_prefix`; `..` never leaves it. A path that already begins with
    `own_prefix`, and an address of another host, stay as they are.
    """
    location = location.strip()
    if _AMBIGUOUS.search(location):
        return None
    try:
        given, target, own = urlsplit(location), urlsplit(urljoin(own_url, location)), urlsplit(own_url)
        own_netloc, hosts_differ = own.netloc, target.hostname != own.hostname
    except ValueError:
        return None
    if target.scheme not in ("http", "https"):
        return None
    # By host alone: a different port or scheme of the same host still gets the cookie.
    if hosts_differ:
        return location
    if _climbs(given.path):
        return None
    if target.netloc == own_netloc and target.path.startswith(own_prefix):
        return location
    if given.scheme or given.netloc:
        return None
    return _within(location, own.path, own_prefix)


def _climbs(path: str) -> bool:
    """Whether `path` has a `..` that `urljoin` does not see and a browser or a server that decodes `%2e`, `%2f` or `%5c` does."""
    return "%" in path and ".." in re.split(r"[/\\]", unquote(path))


def _within(location: str, own_path: str, own_prefix: str) -> str:
    own = "/" + own_path[len(own_prefix) :] if own_path.startswith(own_prefix) else "/"
    # A host that is never sent: only path, query and fragment of the result are used.
    target = urlsplit(urljoin(f"http://extension{own}", location))
    path = own_prefix + target.path.lstrip("/")
    return SplitResult("", "", path, target.query, target.fragment).geturl()
