"""`manifest.json`: what an extension says it is, and the one reader that every part of Holdfast uses."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from holdfast.bundles.manifest_errors import ManifestError, ManifestMissing, issues_of
from holdfast.bundles.manifest_json import read_object
from holdfast.bundles.manifest_values import (
    CapabilityName,
    EgressEntry,
    EndpointPath,
    InsidePath,
    Label,
    Method,
    Name,
    Prose,
    SettingKey,
    Text,
    Version,
)
from holdfast.world.capabilities import Capability

__all__ = ["Endpoint", "Manifest", "ManifestError", "ManifestMissing", "MenuHook", "Schedule", "Setting", "Ui", "UiHooks", "parse_manifest"]


class _Part(BaseModel):
    """Below the top level, fields that are not known here are tolerated: other hosts may know them."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class MenuHook(_Part):
    label: Label


class UiHooks(_Part):
    """Where the extension appears. `client_portal_menu` is also the consent that client users may call it."""

    app_menu: MenuHook | None = None
    client_portal_menu: MenuHook | None = None


class Ui(_Part):
    type: Literal["iframe"]
    entry: InsidePath
    hooks: UiHooks | None = None


class Endpoint(_Part):
    """One route of the handler. `permission` is `resource:action`; `client_portal` lets client users call it."""

    method: Method
    path: EndpointPath
    handler: InsidePath
    schedulable: bool = False
    permission: Label | None = None
    client_portal: bool | None = None


class Api(_Part):
    endpoints: list[Endpoint] = Field(max_length=500)

    @field_validator("endpoints")
    @classmethod
    def _distinct(cls, endpoints: list[Endpoint]) -> list[Endpoint]:
        seen: set[tuple[str, str]] = set()
        for endpoint in endpoints:
            if (endpoint.method, endpoint.path) in seen:
                raise ValueError(f"expected each method and path once; {endpoint.method} {endpoint.path} is there twice")
            seen.add((endpoint.method, endpoint.path))
        return endpoints


class Setting(_Part):
    """One value that whoever installs the extension fills in; a `secret` is sealed."""

    key: SettingKey
    label: Label | None = None
    type: Literal["text", "string", "number", "boolean", "select", "secret", "url"] = "text"
    description: Prose | None = None
    required: bool = False
    default: str | int | float | bool | None = None
    options: list[Text] | None = None


class Schedule(_Part):
    """A recurring call that is made when the extension is installed. `endpoint` is the path of a schedulable endpoint."""

    endpoint: EndpointPath
    cron: Label
    timezone: Label | None = None
    name: Label | None = None
    enabled: bool = True
    payload: dict[str, Any] | list[Any] | None = None


class Manifest(BaseModel):
    """A valid manifest. Field names are snake_case here and camelCase in the file."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True)

    name: Name
    publisher: Label | None = None
    version: Version
    runtime: Label
    display_name: Label | None = None
    description: Prose | None = None
    author: Any = None
    homepage: Text | None = None
    license: Text | None = None
    icon: InsidePath | None = None
    entry: InsidePath | None = None
    min_host_version: Version | None = None
    capabilities: list[CapabilityName] = Field(default_factory=list, max_length=100)
    ui: Ui | None = None
    api: Api | None = None
    egress: list[EgressEntry] = Field(default_factory=list, max_length=100)
    settings: list[Setting] = Field(default_factory=list, max_length=200)
    schedules: list[Schedule] = Field(default_factory=list, max_length=50)
    assets: list[Text] = Field(default_factory=list, max_length=1_000)
    precompiled: dict[Text, InsidePath] = Field(default_factory=dict)
    events: Any = None
    sbom: Any = None
    schema_url: Text | None = Field(None, alias="$schema")

    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @field_validator("runtime")
    @classmethod
    def _named_runtime(cls, runtime: str) -> str:
        if "@" not in runtime and "-" not in runtime:
            raise ValueError("expected a runtime such as wasm-js@1")
        return runtime

    @field_validator("capabilities")
    @classmethod
    def _once(cls, capabilities: list[Capability]) -> list[Capability]:
        return list(dict.fromkeys(capabilities))

    @property
    def raw(self) -> dict[str, Any]:
        """The JSON object as it was given."""
        return self._raw

    @property
    def endpoints(self) -> list[Endpoint]:
        """The declared routes; none when there is no `api`."""
        return [] if self.api is None else self.api.endpoints

    @property
    def needs_component(self) -> bool:
        """Whether a bundle of this manifest must hold a component: it declares endpoints, or names an `entry`."""
        return bool(self.endpoints) or self.entry is not None

    @property
    def title(self) -> str:
        """The name for people."""
        return self.display_name or self.name


def parse_manifest(raw: bytes) -> Manifest:
    """Reads the bytes of a `manifest.json` (UTF-8 JSON, at most 1 MiB).

    Raises ManifestError, and nothing else, when it is not valid; `details["issues"]` lists every fault as `{path, message}`, where a path
    is such as `api.endpoints[0].path`, and `$` is the file as a whole.
    """
    value = read_object(raw)
    try:
        manifest = Manifest.model_validate(value, strict=True, by_alias=True, by_name=False)
    except ValidationError as error:
        raise ManifestError(issues_of(error)) from None
    manifest._raw = value
    return manifest
