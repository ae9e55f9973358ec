"""Every manifest form that authors of extensions use, in templates, samples and guides, is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from holdfast.bundles.archive.reader import read_bundle_manifest
from holdfast.bundles.manifest.model import Manifest, parse_manifest
from holdfast.bundles.manifest.parsing.errors import ManifestError, ManifestMissing
from holdfast.bundles.versions import Wildcard, parse_version
from holdfast.world.capabilities import Capability
from tests.bundles.archives import archive, regular

PAGE = {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": "Sample"}}}
BOTH_MENUS = {**PAGE, "hooks": {"appMenu": {"label": "Sample"}, "clientPortalMenu": {"label": "Sample"}}}


def route(method: str, path: str, **more: Any) -> dict[str, Any]:
    return {"method": method, "path": path, "handler": "dist/main", **more}


def written(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "publisher": "Your Org", "version": "0.1.0", "runtime": "wasm-js@1", **fields}


MANIFESTS: dict[str, dict[str, Any]] = {
    "template basic": written("my-extension", ui=PAGE, assets=["ui/**/*"]),
    "template ui-gallery": written("my-gallery", ui=PAGE, assets=["ui/**/*"]),
    "template component-basic": written(
        "my-component", entry="dist/main.wasm", capabilities=["cap:context.read", "cap:log.emit", "cap:secrets.get"]
    ),
    "scheduler-demo": written(
        "com.alga.sample.scheduler-demo",
        capabilities=["cap:scheduler.manage", "cap:log.emit", "cap:context.read"],
        ui=PAGE,
        api={
            "endpoints": [
                route("GET", "/api/status", schedulable=True),
                route("POST", "/api/setup"),
                route("GET", "/api/schedules"),
                route("DELETE", "/api/schedules/:id"),
                route("POST", "/api/heartbeat", schedulable=True),
            ]
        },
        assets=["ui/**/*"],
    ),
    "secrets-demo": written("com.alga.sample.secrets-demo", capabilities=["cap:secrets.get", "cap:log.emit"], ui=PAGE),
    "invoicing-demo": written(
        "com.alga.sample.invoicing-demo",
        capabilities=["cap:invoice.manual.create", "cap:log.emit", "cap:context.read", "cap:ui.proxy"],
        ui=PAGE,
        api={"endpoints": [route("GET", "/api/status"), route("POST", "/api/status"), route("POST", "/api/create-manual-invoice")]},
    ),
    "service-proxy-demo": written(
        "com.alga.sample.service-proxy-demo",
        capabilities=["cap:context.read", "cap:log.emit", "cap:secrets.get", "cap:http.fetch", "cap:ui.proxy"],
        ui=PAGE,
    ),
    "client-service-read-demo": written(
        "com.alga.sample.client-service-read-demo",
        capabilities=["cap:client.read", "cap:service.read"],
        ui=PAGE,
        api={"endpoints": [route("GET", "/api/clients"), route("GET", "/api/services")]},
    ),
    "hello-world": written("com.alga.sample.hello-world", capabilities=[], ui=PAGE),
    "client-portal-test": written(
        "com.alga.sample.client-portal-test",
        capabilities=["cap:context.read", "cap:log.emit", "cap:ui.proxy", "cap:http.fetch", "cap:user.read"],
        ui=BOTH_MENUS,
    ),
    "nineminds-reporting": written(
        "com.nineminds.reporting",
        version="0.3.*",
        capabilities=["cap:context.read", "cap:log.emit", "cap:ui.proxy"],
        ui=PAGE,
        assets=["ui/**/*"],
        precompiled={
            "x86_64-linux-gnu": "precompiled/x86_64-linux-gnu.cwasm",
            "aarch64-linux-gnu": "precompiled/aarch64-linux-gnu.cwasm",
        },
    ),
    "softwareone-ext": written(
        "com.alga.softwareone", version="0.1.*", ui={**PAGE, "routes": [{"path": "/agreements", "iframePath": "ui/a"}]}
    ),
    "the documented example": written(
        "com.acme.reports",
        version="1.0.0",
        capabilities=["http.fetch", "storage.kv", "secrets.get", "log"],
        ui={**PAGE, "routes": [{"path": "/reports", "iframePath": "ui/index.html"}]},
        api={"endpoints": [route("GET", "/reports"), route("PUT", "/reports/:id"), route("PATCH", "reports/:id/title")]},
        assets=["ui/**/*", "public/*.png"],
        events=[{"topic": "ticket.created", "handler": "dist/handlers/ticket"}],
        sbom="sbom.spdx.json",
    ),
    "other hooks and fields below the top": written(
        "plain",
        ui={**PAGE, "hooks": {"sidebar": {"label": ""}, "appMenu": {"label": "A", "icon": "x"}}, "height": 3},
        api={"endpoints": [], "x": 1},
    ),
    "nothing but what is required": {"name": "a", "version": "1.0.0-rc.1+build.7", "runtime": "wasm-rust"},
    "fields that older schemas lacked": written(
        "com.example.whole",
        displayName="Whole",
        description="Everything.\nOn two lines.",
        icon="ui/icon.svg",
        minHostVersion="0.1.0",
        egress=["api.example.com"],
        api={
            "endpoints": [route("POST", "/daily", schedulable=True), route("GET", "/bills", permission="billing:read", clientPortal=False)]
        },
        schedules=[{"endpoint": "/daily", "cron": "0 9 * * *", "timezone": "America/New_York", "name": "Daily", "payload": {"a": [1]}}],
        settings={"type": "object", "properties": {"region": {"type": "string", "enum": ["eu", "us"]}}, "required": ["region"]},
    ),
}


def read(fields: dict[str, Any]) -> Manifest:
    return parse_manifest(json.dumps(fields, indent=2).encode())


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_as_it_was_written_is_accepted(name: str) -> None:
    manifest = read(MANIFESTS[name])
    assert manifest.name == MANIFESTS[name]["name"]
    assert manifest.raw == MANIFESTS[name]


@pytest.mark.parametrize("capability", list(Capability))
def test_every_capability_has_its_name_with_and_without_its_mark(capability: Capability) -> None:
    for text in (capability.value, capability.value.removeprefix("cap:"), f" {capability.value.upper()} "):
        assert read(written("a", capabilities=[text])).capabilities == [capability]


def test_the_short_name_of_logging_is_one_word() -> None:
    assert read(written("a", capabilities=["log"])).capabilities == [Capability.LOG_EMIT]


@pytest.mark.parametrize("name", ["events.emit", "events.subscribe", "metrics", "cap:metrics", "EVENTS.EMIT"])
def test_capabilities_that_never_existed_are_rejected_with_a_message_that_says_so(name: str) -> None:
    with pytest.raises(ManifestError) as caught:
        read(written("a", capabilities=["log", name]))
    (issue,) = caught.value.details["issues"]
    assert issue["path"] == "capabilities[1]"
    assert issue["message"] == f'expected a capability that exists, found "{name}", which no host has ever provided; remove it'
    assert issue["line"] == 8


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD", "get", "Options"])
def test_endpoints_may_have_every_method_that_can_be_published(method: str) -> None:
    assert read(written("a", api={"endpoints": [route(method, "/a")]})).endpoints[0].method == method.upper()


def test_a_wildcard_is_accepted_and_stays_one_until_it_is_published() -> None:
    manifest = read(written("a", version="0.3.*"))
    assert manifest.version == "0.3.*"
    assert isinstance(parse_version(manifest.version), Wildcard)


def test_an_endpoint_is_declared_once() -> None:
    for path in ("/a/:id", "a/:id", "/a/:key", "//a/:id/"):
        with pytest.raises(ManifestError, match=r"api\.endpoints\[1\]: expected each method and path once"):
            read(written("x", api={"endpoints": [route("GET", "/a/:id"), route("get", path)]}))
    read(written("x", api={"endpoints": [route("GET", "/a/:id"), route("HEAD", "/a/:id"), route("GET", "/a/id"), route("GET", "/a")]}))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        ({"endpoint": "/none"}, 'expected a GET or POST endpoint of api.endpoints, found "/none"'),
        ({"endpoint": "/put"}, "expected a GET or POST endpoint of api.endpoints"),
        ({"endpoint": "/plain"}, 'expected an endpoint with "schedulable": true'),
        ({"endpoint": "/item/:id"}, "expected an endpoint without parameters"),
        ({"endpoint": "/both"}, "expected the method too, such as POST /both"),
        ({"endpoint": "PUT /put"}, "expected the path of a schedulable endpoint"),
    ],
)
def test_a_schedule_names_an_endpoint_that_can_be_scheduled(schedule: dict[str, Any], message: str) -> None:
    endpoints = [
        route("PUT", "/put", schedulable=True),
        route("GET", "/plain"),
        route("GET", "/item/:id", schedulable=True),
        route("GET", "/both", schedulable=True),
        route("POST", "/both", schedulable=True),
    ]
    fields = written("x", api={"endpoints": endpoints}, schedules=[{"endpoint": "POST /both", "cron": "0 9 * * *"}])
    accepted = read(fields).schedules[0]
    assert (accepted.method, accepted.path) == ("POST", "/both")
    with pytest.raises(ManifestError) as caught:
        read({**fields, "schedules": [*fields["schedules"], {"cron": "0 9 * * *", **schedule}]})
    (issue,) = caught.value.details["issues"]
    assert issue["path"] == "schedules[1].endpoint"
    assert issue["message"].startswith(message)


def test_a_schedule_is_declared_once() -> None:
    fields = written("x", api={"endpoints": [route("GET", "/a", schedulable=True)]})
    one = {"endpoint": "/a", "cron": "0 9 * * *"}
    for twice in ([one, one], [{**one, "name": "Daily"}, {**one, "name": " Daily"}]):
        with pytest.raises(ManifestError, match=r"schedules\[1\]: expected each schedule once"):
            read({**fields, "schedules": twice})
    read({**fields, "schedules": [one, {**one, "name": "Daily"}, {**one, "cron": "0 8 * * *"}]})


def test_only_the_manifest_at_the_root_of_an_archive_is_its_manifest(tmp_path: Path) -> None:
    root, inner = written("the-root", ui=PAGE), written("the-inner")
    files = {"ui/manifest.json": json.dumps(inner).encode(), "dist/manifest.json": b"{", "ui/index.html": b""}
    with pytest.raises(ManifestMissing):
        read_bundle_manifest(packed(tmp_path, files))
    for placed in ({**files, "manifest.json": json.dumps(root).encode()}, {"manifest.json": json.dumps(root).encode(), **files}):
        assert read_bundle_manifest(packed(tmp_path, placed)).name == "the-root"


def packed(folder: Path, files: dict[str, bytes]) -> Path:
    return archive(folder / "bundle.tar.zst", *(regular(name, content) for name, content in files.items()))
