"""Which targets an egress rule allows."""

from __future__ import annotations

import pytest

from holdfast.hostcalls import InvalidEgressEntry, parse_rule, parse_rules
from holdfast.hostcalls.network.egress import InvalidTarget, parse_target


@pytest.mark.parametrize(
    ("entry", "allowed"),
    [
        ("api.example.com", "https://api.example.com/v1?q=1"),
        ("api.example.com", "https://API.Example.COM./"),
        (" API.example.com ", "https://api.example.com:443/"),
        ("api.example.com:8443", "https://api.example.com:8443/"),
        ("https://api.example.com", "https://api.example.com/"),
        ("http://api.example.com", "http://api.example.com:80/"),
        ("http://api.example.com:8080", "http://api.example.com:8080/"),
        ("*.example.com", "https://a.example.com/"),
        ("*.example.com", "https://a.b.example.com/"),
        ("http://*.example.com:81", "http://a.example.com:81/"),
        ("münchen.example", "https://xn--mnchen-3ya.example/"),
        ("xn--mnchen-3ya.example", "https://münchen.example/"),
        ("8.8.8.8", "https://8.8.8.8/"),
        ("[2606:4700::1111]:8443", "https://[2606:4700:0:0::1111]:8443/"),
    ],
)
def test_a_rule_allows_its_targets(entry: str, allowed: str) -> None:
    assert parse_rule(entry).matches(parse_target(allowed))


@pytest.mark.parametrize(
    ("entry", "denied"),
    [
        ("example.com", "https://api.example.com/"),
        ("example.com", "https://notexample.com/"),
        ("example.com", "https://example.com.evil.test/"),
        ("example.com", "http://example.com/"),
        ("example.com", "https://example.com:8443/"),
        ("example.com:8443", "https://example.com/"),
        ("http://example.com", "https://example.com/"),
        ("http://example.com", "http://example.com:443/"),
        ("*.example.com", "https://example.com/"),
        ("*.example.com", "https://evilexample.com/"),
        ("*.example.com", "https://a.example.com:444/"),
        ("127.0.0.1", "https://localhost/"),
    ],
)
def test_a_rule_allows_nothing_else(entry: str, denied: str) -> None:
    assert not parse_rule(entry).matches(parse_target(denied))


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.com",
        "*.*.example.com",
        "a.*.example.com",
        "*.127.0.0.1",
        "ftp://example.com",
        "https://",
        "https://user@example.com",
        "example.com/path",
        "example.com/",
        "example.com?x",
        "exa mple.com",
        "example.com:99999",
        "example.com:0",
        "example.com:http",
        "0x7f.1",
        "2130706433",
        "http://*",
        "-bad.example",
        "a..example",
    ],
)
def test_an_invalid_entry_is_rejected_with_an_example(entry: str) -> None:
    with pytest.raises(InvalidEgressEntry) as failure:
        parse_rule(entry)
    assert failure.value.code == "invalid_egress_entry"
    assert "*.example.com" in (failure.value.hint or "")


def test_blank_entries_are_skipped() -> None:
    assert parse_rules(["", " ", "a.example"]) == (parse_rule("a.example"),)
    assert parse_rules([]) == ()


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        ("http://127.0.0.1:8123", True),
        ("http://localhost:8123", True),
        ("http://[::1]:8123", True),
        ("http://127.0.0.1", False),  # no port of its own
        ("localhost", False),
        ("http://10.0.0.1:8123", False),
        ("http://localhost.example.com:8123", False),
    ],
)
def test_a_rule_is_local_when_it_names_a_port_of_this_machine(entry: str, expected: bool) -> None:
    assert parse_rule(entry).is_loopback is expected


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/path",
        "//example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "https://",
        "https:///path",
        "https://user:pass@example.com/",
        "https://allowed.example\\@evil.example/",
        "https://allowed.example%2eevil.example/",
        "https://exa mple.com/",
        "https://example.com:0/",
        "https://example.com:65536/",
        "https://example.com:-1/",
        "https://example.com\n.evil.example/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.0.1.1/",
        "http://1.2.3.0x4/",
        "http://256.1.1.1/",
        "http://[fe80::1%25eth0]/",
        "http://[::1/",
        "http://[not-an-address]/",
        "http://\uff11\uff12\uff17.1/",
        "https://" + "a" * 64 + ".example/",
        "https://example.com/" + "a" * 9_000,
    ],
)
def test_an_unsupported_url_is_not_a_target(url: str) -> None:
    with pytest.raises(InvalidTarget):
        parse_target(url)


def test_equivalent_urls_have_the_same_target() -> None:
    target = parse_target("HTTP://Example.COM./a/../b?x=1#fragment")
    assert (target.scheme, target.host, target.port) == ("http", "example.com", 80)
    assert target.url.raw_path == b"/b?x=1"
