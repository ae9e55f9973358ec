"""The REST API responds as its OpenAPI document says, to valid and invalid requests."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance, unsupported_method
from starlette.routing import Route

from holdfast.gateway.openapi import PATH, document
from tests.cli.command_runner import Platform, write_extension
from tests.gateway.platform import Platform as InProcess
from tests.runner import guests
from tests.session.effort import repetitions
from tests.waiting import MAX_WAIT_SECONDS

schema = schemathesis.openapi.from_dict(document())

NAME = "Example.com.example.sample"
ONE = "/api/v1/extensions/{extension}"


class Served:
    """A platform with one extension, and its administrator's key."""

    def __init__(self, origin: str, api_key: str) -> None:
        self.origin = origin
        self.api_key = api_key
        self.install_id = ""
        self.client = httpx2.Client(base_url=origin, headers={"x-api-key": api_key}, trust_env=False, timeout=MAX_WAIT_SECONDS)

    def install(self) -> None:
        """Installs the extension again if an earlier request uninstalled it."""
        shown = self.client.get(f"/api/v1/extensions/{NAME}")
        if shown.status_code == 404:
            shown = self.client.post("/api/v1/extensions", json={"extension": NAME}).raise_for_status()
        self.install_id = shown.json()["installId"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("rest")
    project = write_extension(folder / "sample", component=guests.fine().read_bytes(), capabilities=["cap:storage.kv"])
    with Platform(folder, project, EXT_BUNDLES_RATELIMIT_MAX="1000000") as starting:
        shape = starting.ready()
        served = Served(shape["console"], shape["api_key"])
        yield served
        served.client.close()


def use_known_values(case: Case[Any], served: Served, chance: random.Random) -> None:
    """Makes most requests about an extension that exists: requests about an unknown one test little."""
    case.headers["x-api-key"] = served.api_key
    if case.meta is not None and case.meta.generation.mode.is_negative:
        return
    if chance.random() < 0.2:
        return
    served.install()
    if "extension" in case.path_parameters:
        case.path_parameters["extension"] = NAME
    if "install_id" in case.path_parameters:
        case.path_parameters["install_id"] = served.install_id
    if "namespace" in case.path_parameters:
        # A few, so that requests find what others have stored, and no quota of namespaces is reached.
        case.path_parameters["namespace"] = chance.choice(("one", "two"))
    if "registryId" in case.query:
        case.query["registryId"] = NAME
    if "version" in case.path_parameters:
        case.path_parameters["version"] = "1.0.0"
    if isinstance(case.body, dict):
        case.body |= {name: NAME for name in ("extension", "registryId") if name in case.body}


@schema.parametrize()
@settings(max_examples=repetitions(15, long=250), deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_response_is_documented(case: Case[Any], served: Served) -> None:
    use_known_values(case, served, random.Random(repr((case.body, case.headers, case.path_parameters))))
    response = case.call(base_url=served.origin, allow_redirects=False)
    # Excluded: the key is added above, so its absence proves nothing; no schema says which names, hashes and secrets exist; a path such
    # as /extensions/install can also be the name of an extension, which supports other methods.
    case.validate_response(response, excluded_checks=[ignored_auth, positive_data_acceptance, unsupported_method])
    assert response.status_code < 500 or response.status_code == 503, response.text
    assert response.headers["x-content-type-options"] == ["nosniff"]
    assert response.headers["cache-control"] == ["no-store"]


async def test_the_document_is_served(platform: InProcess) -> None:
    assert (await platform.http.get(PATH)).json() == document()


async def test_every_route_of_the_rest_is_documented(platform: InProcess) -> None:
    routes = {
        (method.lower(), route.path)
        for route in platform.app.routes
        if isinstance(route, Route) and route.path.startswith(("/api/v1", "/api/ext-bundles", "/api/ext-storage", "/api/extensions"))
        for method in route.methods or ()
        if method != "HEAD"
    }
    documented = {(method, path) for path, item in document()["paths"].items() for method in item if method != "parameters"}
    assert routes == documented


def test_every_reference_of_the_document_resolves() -> None:
    schemas = document()["components"]["schemas"]

    def references(part: Any) -> Iterator[str]:
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                yield part["$ref"]
            for value in part.values():
                yield from references(value)
        elif isinstance(part, list):
            for value in part:
                yield from references(value)

    assert {reference.rpartition("/")[2] for reference in references(document())} <= set(schemas)


def test_the_platform_is_healthy_after_all_requests(served: Served) -> None:
    assert served.client.get("/api/health").json()["status"] == "ok"
