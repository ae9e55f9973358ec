"""Every part of Holdfast reads a manifest in the same way; an error says where and why."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.bundles.manifest.model import Manifest, parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError
from holdfast.world.capabilities import Capability

EVENTS: dict[str, Any] = {
    "capabilities": ["cap:client.read"],
    "api": {"endpoints": [{"method": "POST", "path": path, "handler": "dist/main"} for path in ("/events", "/of/:id")]},
}
"""What events can be delivered to."""
BASE: dict[str, Any] = {"name": "com.example.notes", "version": "1.2.3", "runtime": "wasm-js@1"}

INVALID_FIELDS: list[tuple[dict[str, Any], str]] = [
    ({"name": " "}, "name"),
    ({"name": "a/b"}, "name"),
    ({"name": 3}, "name"),
    ({"version": "1.2"}, "version"),
    ({"version": "1.02.3"}, "version"),
    ({"version": "1.2.3\n"}, "version"),
    ({"runtime": "wasm"}, "runtime"),
    ({"publisher": ""}, "publisher"),
    ({"capabilities": "cap:http.fetch"}, "capabilities"),
    ({"capabilities": [3]}, "capabilities[0]"),
    ({"ui": {"type": "page", "entry": "ui/index.html"}}, "ui.type"),
    ({"ui": {"type": "iframe", "entry": "../index.html"}}, "ui.entry"),
    ({"ui": {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": "  "}}}}, "ui.hooks.appMenu.label"),
    ({"ui": {"type": "iframe", "entry": "ui/index.html", "hooks": {"clientPortalMenu": {}}}}, "ui.hooks.clientPortalMenu.label"),
    ({"api": {}}, "api.endpoints"),
    ({"api": {"endpoints": [{"method": "GET", "path": "/a b", "handler": "dist/main"}]}}, "api.endpoints[0].path"),
    ({"api": {"endpoints": [{"method": "GET", "path": "/a/../b", "handler": "dist/main"}]}}, "api.endpoints[0].path"),
    ({"api": {"endpoints": [{"method": "TRACE", "path": "/a", "handler": "dist/main"}]}}, "api.endpoints[0].method"),
    ({"api": {"endpoints": [{"method": "GET", "path": "/a", "handler": "../main"}]}}, "api.endpoints[0].handler"),
    ({"api": {"endpoints": [{"method": "GET", "path": "/a", "handler": "m", "schedulable": "yes"}]}}, "api.endpoints[0].schedulable"),
    ({"api": {"endpoints": [{"method": "GET", "path": "/a", "handler": "m", "permission": "reading"}]}}, "api.endpoints[0].permission"),
    ({"minHostVersion": "0.1.*"}, "minHostVersion"),
    ({"author": 3}, "author"),
    ({"events": [{"topic": "ticket.created"}]}, "events[0].endpoint"),
    ({"events": [{"topic": "client.created", "endpoint": "GET /events"}]}, "events[0].endpoint"),
    ({"precompiled": {"x": "../x.cwasm"}}, "precompiled.x"),
    ({"precompiled": {f"target-{n}": "x.cwasm" for n in range(51)}}, "precompiled"),
    ({"settings": "region"}, "settings"),
    ({"uiProxy": {"routes": "GET /api/v1/tickets"}}, "uiProxy.routes"),
    ({"uiProxy": {"routes": ["/api/v1/tickets"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["DELETE /api/v1/tickets"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["GET /tickets"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["GET /api/internal/ext-storage"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["GET /api/ext/other/x"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["GET /api/v1/../internal"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["GET /api/v1/tickets?x=1"]}}, "uiProxy.routes[0]"),
    ({"uiProxy": {"routes": ["GET /api/v1/tickets"] * 101}}, "uiProxy.routes"),
    ({"settings": [{"key": "a", "default": [1]}]}, "settings[0].default"),
    ({"egress": ["*.example.com"]}, "egress[0]"),
    ({"egress": ["https://example.com/path"]}, "egress[0]"),
    ({"egress": ["example.com", "user@example.com"]}, "egress[1]"),
    ({"egress": ["ftp://example.com"]}, "egress[0]"),
    ({"egress": [""]}, "egress[0]"),
    ({"settings": [{"key": "a b"}]}, "settings[0].key"),
    ({"schedules": [{"endpoint": "/a"}]}, "schedules[0].cron"),
    ({"schedules": [{"endpoint": "/a", "cron": "0 9 * *"}]}, "schedules[0].cron"),
    ({"assets": [""]}, "assets[0]"),
    ({"icon": "/etc/passwd"}, "icon"),
]
"""Fields that are wrong, and the path of the error."""

INVALID_BEYOND_A_SCHEMA: list[tuple[dict[str, Any], str]] = [
    (EVENTS | {"events": [{"topic": "client.created", "endpoint": "POST /other"}]}, "events[0].endpoint"),
    (EVENTS | {"events": [{"topic": "client.created", "endpoint": "POST /of/:id"}]}, "events[0].endpoint"),
    (EVENTS | {"events": [{"topic": "ticket.created", "endpoint": "POST /events"}]}, "events[0].topic"),
    (EVENTS | {"events": [{"topic": "service.created", "endpoint": "POST /events"}]}, "events[0].topic"),
    (EVENTS | {"events": [{"topic": "client.created", "endpoint": "POST /events"}] * 2}, "events[1]"),
    ({"schedules": [{"endpoint": "/a", "cron": "99 9 * * *"}]}, "schedules[0].cron"),
    ({"schedules": [{"endpoint": "/a", "cron": "0-59 * * * *"}]}, "schedules[0].cron"),
    ({"schedules": [{"endpoint": "/a", "cron": "0 9 * * *", "timezone": "Mars/Olympus"}]}, "schedules[0].timezone"),
    ({"egress": ["127.1"]}, "egress[0]"),
    ({"precompiled": {" ": "x.cwasm"}}, "precompiled. "),
    ({"settings": [{"key": "a"}, {"key": "a"}]}, "settings[1].key"),
    ({"settings": [{"key": "a", "type": "select"}]}, "settings[0].options"),
    ({"settings": [{"key": "a", "type": "select", "options": ["x"], "default": "y"}]}, "settings[0].default"),
    ({"settings": [{"key": "a", "type": "secret", "default": "y"}]}, "settings[0].default"),
    ({"settings": [{"key": "a", "type": "number", "default": True}]}, "settings[0].default"),
    ({"settings": [{"key": "a", "type": "boolean", "default": "no"}]}, "settings[0].default"),
    ({"egress": ["example.com:0"]}, "egress[0]"),
    ({"egress": ["example..com"]}, "egress[0]"),
    (
        {"api": {"endpoints": [{"method": "GET", "path": "/a", "handler": "m"}, {"method": "get", "path": "a", "handler": "m"}]}},
        "api.endpoints[1]",
    ),
    (
        {"api": {"endpoints": [{"method": "GET", "path": p, "handler": "m"} for p in ("/a", "/b/:id", "/b//:key/")]}},
        "api.endpoints[2]",
    ),
]
"""The same for errors that a JSON Schema cannot detect."""


def read(**fields: Any) -> Manifest:
    return parse_manifest(json.dumps(BASE | fields).encode())


def test_a_published_version_is_read_whatever_its_schedules_are() -> None:
    schedules = [{"endpoint": "/a", "cron": "* * * * *", "timezone": "Mars/Olympus"}]
    api = {"endpoints": [{"method": "GET", "path": "/a", "handler": "m", "schedulable": True}]}
    (issue,) = issues(api=api, schedules=schedules)
    assert (issue["path"], issue["expected"]) == ("schedules[0].cron", "a valid cron expression")
    assert "Cron too frequent (minimum interval is 5 minutes)" in issue["message"]
    stored = parse_manifest(json.dumps(BASE | {"api": api, "schedules": schedules}).encode(), is_stored=True)
    assert (stored.schedules[0].cron, stored.schedules[0].timezone) == ("* * * * *", "Mars/Olympus")


def issues(**fields: Any) -> list[dict[str, Any]]:
    with pytest.raises(ManifestError) as caught:
        read(**fields)
    found: list[dict[str, Any]] = caught.value.details["issues"]
    return found


def test_every_documented_field_is_accepted() -> None:
    manifest = read(
        publisher="Example",
        displayName="Notes",
        description="Keeps notes.\nTwo lines.",
        icon="ui/icon.svg",
        entry="dist/main.wasm",
        minHostVersion="0.1.0",
        capabilities=["cap:http.fetch", "cap:storage.kv"],
        ui={
            "type": "iframe",
            "entry": "ui/index.html",
            "hooks": {"appMenu": {"label": "Notes"}, "clientPortalMenu": {"label": "My notes"}},
            "routes": [],
        },
        api={
            "endpoints": [
                {
                    "method": "post",
                    "path": "notes/:id",
                    "handler": "dist/main",
                    "schedulable": True,
                    "permission": "ticket:read",
                    "clientPortal": True,
                    "requestHeaders": ["Stripe-Signature"],
                },
                {"method": "GET", "path": "/notes", "handler": "dist/main", "schedulable": True},
            ]
        },
        egress=["api.example.com", "api.example.com:8443", "https://Example.org", "[::1]:80", "10.0.0.1"],
        settings=[{"key": "region", "label": "Region", "type": "select", "options": ["eu", "us"], "default": "eu", "required": True}],
        schedules=[{"endpoint": "/notes", "cron": "*/5 * * * *", "timezone": "UTC", "payload": {"a": 1}}],
        assets=["ui/**/*"],
        precompiled={"x86_64-linux-gnu": "precompiled/x86_64-linux-gnu.cwasm"},
        events=[{"topic": "ticket.created", "handler": "dist/main"}],
        sbom="sbom.spdx.json",
    )
    assert manifest.title == "Notes"
    assert manifest.capabilities == [Capability.HTTP_FETCH, Capability.STORAGE_KV]
    assert manifest.endpoints[0].model_dump() == {
        "method": "POST",
        "path": "/notes/:id",
        "handler": "dist/main",
        "schedulable": True,
        "permission": "ticket:read",
        "client_portal": True,
        "request_headers": ["stripe-signature"],
    }
    assert manifest.egress[2] == "https://example.org"
    assert manifest.ui is not None and manifest.ui.hooks is not None
    assert manifest.ui.hooks.app_menu is not None and manifest.ui.hooks.app_menu.label == "Notes"
    assert manifest.ui.hooks.client_portal_menu is not None and manifest.ui.hooks.client_portal_menu.label == "My notes"
    assert isinstance(manifest.settings, list) and manifest.settings[0].key == "region"
    assert manifest.schedules[0].cron == "*/5 * * * *"
    assert manifest.min_host_version == "0.1.0"


def test_the_original_json_is_available() -> None:
    assert read(capabilities=["log"], ui={"type": "iframe", "entry": "ui/index.html", "routes": [1]}).raw == BASE | {
        "capabilities": ["log"],
        "ui": {"type": "iframe", "entry": "ui/index.html", "routes": [1]},
    }


def test_the_short_names_of_capabilities_mean_the_long_ones() -> None:
    assert read(capabilities=["http.fetch", " CAP:Log.Emit", "log", "storage.kv"]).capabilities == [
        Capability.HTTP_FETCH,
        Capability.LOG_EMIT,
        Capability.STORAGE_KV,
    ]


def test_events_are_delivered_to_endpoints_and_a_handler_alone_stays_valid() -> None:
    topics = [{"topic": "client.created", "endpoint": "POST events"}, {"topic": "extension.upgraded", "endpoint": "POST /events"}]
    manifest = read(**EVENTS, events=[*topics, {"topic": "ticket.created", "handler": "dist/main"}])
    assert [(event.topic, event.endpoint) for event in manifest.events or ()] == [
        ("client.created", "POST /events"),
        ("extension.upgraded", "POST /events"),
        ("ticket.created", None),
    ]


def test_an_unknown_capability_is_named() -> None:
    found = issues(capabilities=["cap:http.fetch", "cap:files.write"])
    assert [issue["path"] for issue in found] == ["capabilities[1]"]
    assert '"cap:files.write"' in found[0]["message"] and "cap:http.fetch" in found[0]["message"]


@pytest.mark.parametrize(
    ("field", "meant"),
    [("permissions", ""), ("cron", ""), ("display_name", " (did you mean 'displayName'?)"), ("Name", " (did you mean 'name'?)")],
)
def test_an_unknown_top_level_field_is_named(field: str, meant: str) -> None:
    (found,) = issues(**{field: "x"})
    assert (found["path"], found["message"]) == (field, f"unknown top-level field '{field}'{meant}")
    assert found["expected"].startswith("one of name, publisher, version")


@pytest.mark.parametrize(("fields", "path"), [*INVALID_FIELDS, *INVALID_BEYOND_A_SCHEMA])
def test_an_error_names_its_field(fields: dict[str, Any], path: str) -> None:
    found = issues(**fields)
    assert [issue["path"] for issue in found] == [path]
    assert found[0]["message"].startswith(("expected ", "this field is required"))
    assert found[0]["expected"]
    assert found[0]["line"] == 1 and found[0]["column"] > 1


def test_all_errors_are_listed_and_the_message_names_the_first() -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(b'{"version": "x", "api": {"endpoints": [{}]}}')
    assert [issue["path"] for issue in caught.value.details["issues"]] == [
        "name",
        "runtime",
        "version",
        "api.endpoints[0].method",
        "api.endpoints[0].path",
        "api.endpoints[0].handler",
    ]
    assert caught.value.message == 'manifest.json:1: name: this field is required, such as "name": "com.example.tickets". (5 more)'
    assert caught.value.to_json()["error"] == "INVALID_MANIFEST"
    assert caught.value.status == 400


def test_malformed_json_names_line_and_column() -> None:
    with pytest.raises(ManifestError, match="line 3, column 3"):
        parse_manifest(b'{\n  "name": "a",\n  version: 1\n}')


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "\\ud800"}',
        b"[" * 200_000,
        b"9" * 10_000,
        b" " * 2_000_000,
    ],
)
def test_anything_but_a_json_object_is_rejected(raw: bytes) -> None:
    with pytest.raises(ManifestError) as caught:
        parse_manifest(raw)
    assert caught.value.details["issues"][0]["path"] == "$"


def test_a_byte_order_mark_is_tolerated() -> None:
    assert parse_manifest(b"\xef\xbb\xbf" + json.dumps(BASE).encode()).name == BASE["name"]


@pytest.mark.parametrize("version", ["1.0.0", "1.0.0-rc.1+build.5", "0.3.*"])
def test_versions_of_real_extensions_are_accepted(version: str) -> None:
    assert read(version=version).version == version


def test_a_component_is_needed_for_endpoints_or_an_entry_and_not_for_pages_alone() -> None:
    page = {"type": "iframe", "entry": "ui/index.html"}
    assert not read(ui=page).needs_component
    assert not read(ui=page, api={"endpoints": []}).needs_component
    assert read(entry="dist/main.wasm").needs_component
    assert read(api={"endpoints": [{"method": "GET", "path": "/", "handler": "dist/main"}]}).needs_component


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["GET", "iframe", "cap:log.emit", "1.0.0", "a.b"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "entry", "hooks", "endpoints", "method", "path", "handler", "key"]) | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)
_FIELDS = [
    "name",
    "version",
    "runtime",
    "capabilities",
    "ui",
    "api",
    "egress",
    "settings",
    "schedules",
    "assets",
    "precompiled",
    "icon",
    "events",
    "zz",
]


@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON))
def test_any_json_is_a_manifest_or_a_manifest_error(fields: dict[str, Any]) -> None:
    raw = json.dumps(BASE | fields).encode()
    try:
        manifest = parse_manifest(raw)
    except ManifestError as error:
        assert error.details["issues"]
        json.dumps(error.to_json())
    else:
        assert manifest.raw == json.loads(raw)


@given(st.binary(max_size=300))
def test_any_bytes_are_a_manifest_or_a_manifest_error(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(raw)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Authorization", "it can carry a credential of the caller"),
        ("cookie", "it can carry a credential of the caller"),
        ("X-API-Key", "it can carry a credential of the caller"),
        ("x-runner-auth", "it can carry a credential of the caller"),
        ("proxy-authorization", "it can carry a credential of the caller"),
        ("Connection", "it belongs to the connection"),
        ("transfer-encoding", "it belongs to the connection"),
        ("host", "it belongs to the connection"),
        ("x-alga-tenant", "the gateway sets it itself"),
        ("x-ext-config", "the gateway sets it itself"),
        ("x-request-id", "the gateway sets it itself"),
        ("x-forwarded-for", "any client can forge it"),
    ],
)
def test_a_request_header_that_no_extension_gets_is_an_error_that_says_why(name: str, reason: str) -> None:
    endpoint = {"method": "POST", "path": "/hook", "handler": "dist/main"}
    for api, path in (
        ({"endpoints": [endpoint | {"requestHeaders": ["x-own", name]}]}, "api.endpoints[0].requestHeaders[1]"),
        ({"endpoints": [endpoint], "requestHeaders": [name]}, "api.requestHeaders[0]"),
    ):
        (issue,) = issues(api=api)
        assert issue["path"] == path
        assert name in issue["message"] and reason in issue["message"]
