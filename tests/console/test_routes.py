"""Route normalisation on its own, over many combinations of what makes URLs dangerous."""

from __future__ import annotations

from itertools import product
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Page

from tests.console.site import EXTENSION, PREFIX, Site

_PIECES = ["/", ".", "..", "%2e", "%2F", "\\", "a", "?", "%252e", "%5C", ":", "@", ";", "\t", "é"]


def test_no_combination_of_pieces_leaves_the_prefix_or_keeps_a_dot_segment(page: Page, site: Site) -> None:
    routes = ["".join(pieces) for length in (1, 2, 3, 4) for pieces in product(_PIECES, repeat=length)]
    page.goto(f"{site.origin}/blank")
    addresses: list[str | None] = page.evaluate(
        """async ([prefix, routes]) => {
          const { proxyAddress, RouteRefused } = await import("/console/static/routes.js");
          return routes.map((route) => {
            try { return proxyAddress(prefix, route, location.origin); }
            catch (error) { if (error instanceof RouteRefused) return null; throw error; }
          });
        }""",
        [PREFIX, routes],
    )
    served = [address for address in addresses if address is not None]
    assert 100 < len(served) < len(routes)
    for address in served:
        path = urlsplit(address).path
        assert path == PREFIX or path.startswith(f"{PREFIX}/"), address
        segments = unquote(unquote(path)).split("/")
        assert not {".", ".."} & set(segments), address
        assert "\\" not in unquote(unquote(path)), address
    assert all(EXTENSION in address for address in served)
