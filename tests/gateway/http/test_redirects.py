"""Redirects of extensions: below the own prefix, or to another host, and never anywhere else on the gateway's host."""

from __future__ import annotations

from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.gateway.http.redirects import redirect_target

URL = "http://gateway.test/api/ext/notes/list"
PREFIX = "/api/ext/notes/"
_WORDS = "/ .. . // \\ %2e %2F api ext notes gateway.test elsewhere.test http: http:// ? # @ : a é ; user@ javascript: :3001"
_PIECES = st.sampled_from([*_WORDS.split(), " ", "\t"])


def target(location: str, url: str = URL) -> str | None:
    return redirect_target(location, own_url=url, own_prefix=PREFIX)


@pytest.mark.parametrize(
    "location",
    [
        "https://elsewhere.test/",
        "other",
        "?a=1",
        "/api/ext/notes/new",
        "http://gateway.test/api/ext/notes/new",
    ],
)
def test_a_redirect_may_leave_for_another_host_or_stay_with_the_extension(location: str) -> None:
    assert target(location) == location


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/", "/api/ext/notes/"),
        ("/notes/7?a=1#b", "/api/ext/notes/notes/7?a=1#b"),
        ("/notizen/%C3%A4", "/api/ext/notes/notizen/%C3%A4"),
        ("../other/secret", "/api/ext/notes/other/secret"),
        ("/api/ext/other/secret", "/api/ext/notes/api/ext/other/secret"),
        ("/api/ext/notes/../other/secret", "/api/ext/notes/api/ext/other/secret"),
    ],
)
def test_a_path_is_one_of_the_extensions_own(location: str, expected: str) -> None:
    assert target(location) == expected


@pytest.mark.parametrize(("location", "expected"), [("7", "/api/ext/notes/7"), ("/", "/api/ext/notes/"), ("?a=1", "/api/ext/notes/?a=1")])
def test_a_reference_from_the_root_without_a_slash_stays_within_the_extension(location: str, expected: str) -> None:
    assert target(location, "http://gateway.test/api/ext/notes") == expected


@pytest.mark.parametrize(
    "location",
    [
        "/api/ext/notes/%2e%2e/other/secret",
        "%2E./other",
        "..%2Fother/secret",
        "/..%5cother/secret",
        "//gateway.test/api/ext/other/secret",
        "\\\\gateway.test\\msp",
        "/api/ext/notes/..\\other",
        "https://gateway.test/msp",
        "http://gateway.test:3001/",
        "http://user@gateway.test/",
        "javascript:alert(1)",
        "data:text/html,x",
        "http://[",
        "/\tapi",
    ],
)
def test_a_redirect_to_another_part_of_the_application_is_dropped(location: str) -> None:
    assert target(location) is None


@pytest.mark.parametrize("location", ["https://login.test/a%2Fb?next=..", "v1%2e2/notes", "/a%2Fb..c"])
def test_encoded_dots_and_slashes_that_do_not_climb_are_kept(location: str) -> None:
    assert target(location) is not None


@given(st.lists(_PIECES, max_size=8).map("".join), st.sampled_from([URL, "http://gateway.test/api/ext/notes", URL + "/a/b/"]))
def test_no_redirect_leads_to_another_part_of_the_application(location: str, url: str) -> None:
    sent = target(location, url)
    if sent is not None:
        reached = urlsplit(urljoin(url, sent))
        assert reached.scheme in ("http", "https")
        if reached.hostname == "gateway.test":
            assert reached.netloc == "gateway.test"
            assert reached.path.startswith(PREFIX)
            assert ".." not in unquote(reached.path).split("/")
