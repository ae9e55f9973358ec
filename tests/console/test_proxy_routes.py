"""The check of proxy routes, over many combinations of dangerous parts of URLs."""

from __future__ import annotations

from itertools import product
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page

from tests.console.site import EXTENSION, PREFIX, Site

_PARTS = ["/", ".", "..", "%2e", "%2F", "\\", "a", "?", "%252e", "%5C", ":", "@", ";", "\t", "é"]


def test_no_combination_of_parts_leaves_the_prefix_or_keeps_a_dot_segment(page: Page, site: Site) -> None:
    routes = ["".join(parts) for length in (1, 2, 3, 4) for parts in product(_PARTS, repeat=length)]
    page.goto(f"{site.origin}/blank")
    addresses: list[str | None] = page.evaluate(
        """async ([prefix, routes]) => {
          const { proxyAddress, RouteRejected } = await import("/console/static/routes.js");
          return routes.map((route) => {
            try { return proxyAddress(prefix, route, location.origin); }
            catch (error) { if (error instanceof RouteRejected) return null; throw error; }
          });
        }""",
        [PREFIX, routes],
    )
    allowed = [address for address in addresses if address is not None]
    assert 100 < len(allowed) < len(routes)
    for address in allowed:
        path = urlsplit(address).path
        assert path == PREFIX or path.startswith(f"{PREFIX}/"), address
        segments = unquote(unquote(path)).split("/")
        assert not {".", ".."} & set(segments), address
        assert "\\" not in unquote(unquote(path)), address
    assert all(EXTENSION in address for address in allowed)
