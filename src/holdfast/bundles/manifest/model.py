"""The manifest of an extension, `manifest.json`: its model, and the one parser that every part of Holdfast uses."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from holdfast.bundles.manifest.fields.cron import CronError, check_cron
from holdfast.bundles.manifest.fields.sections import Api, Endpoint, EventHandler, Schedule, Ui, UiProxy, field_title
from holdfast.bundles.manifest.fields.time_zones import is_time_zone
from holdfast.bundles.manifest.fields.values import (
    CapabilityName,
    EgressEntry,
    ExactVersion,
    InsidePath,
    Label,
    Name,
    Prose,
    Runtime,
    Text,
    Version,
)
from holdfast.bundles.manifest.parsing.errors import Expected, ManifestError
from holdfast.bundles.manifest.parsing.json_object import read_json_object
from holdfast.bundles.manifest.parsing.validation_errors import issues_from_validation_error
from holdfast.bundles.manifest.settings.declaration import Settings
from holdfast.world.capabilities import Capability
from holdfast.world.topics import TOPICS


def _author(value: Any) -> Any:
    if value is not None and not isinstance(value, (str, dict)):
        raise Expected("a name, or an object with name, email and url")
    return value


class Manifest(BaseModel):
    """The top level of a manifest. An unknown field is an error here, and ignored in the sections below."""

    # In Python the names are snake_case, in the file camelCase.
    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        title="Manifest of an extension",
        field_title_generator=field_title,
    )

    name: Name = Field(description="The name of the extension, unique for its publisher.", examples=["com.example.tickets"])
    publisher: Label | None = Field(
        None, description="Who publishes the extension. A publisher name belongs to the first who uses it.", examples=["Example"]
    )
    version: Version = Field(
        description="The version. `1.2.*` becomes the next patch of 1.2 when you publish it.",
        examples=["1.2.3", "1.2.3-beta.1", "1.2.*"],
    )
    runtime: Runtime = Field(description="The runtime that the handler is built for.", examples=["wasm-js@1"])
    display_name: Label | None = Field(None, description="The name that users see. Default: `name`.", examples=["Tickets"])
    description: Prose | None = Field(None, description="What the extension does, in a few sentences.")
    author: Annotated[Any, BeforeValidator(_author), WithJsonSchema({"type": ["string", "object", "null"]})] = Field(
        None, description="Who wrote the extension: a name, or an object with name, email and url."
    )
    homepage: Text | None = Field(None, description="The address of a page about the extension.")
    license: Text | None = Field(None, description="The license, as an SPDX identifier.", examples=["MIT"])
    icon: InsidePath | None = Field(None, description="The path of an image in the bundle.", examples=["ui/icon.svg"])
    entry: InsidePath | None = Field(
        None, description="The path of the component in the bundle, for an extension without endpoints.", examples=["dist/main.wasm"]
    )
    min_host_version: ExactVersion | None = Field(
        None, description="The oldest Holdfast version that the extension works with.", examples=["0.1.0"]
    )
    capabilities: list[CapabilityName] = Field(
        default_factory=list, max_length=100, description="The capabilities that the handler requests.", examples=[["cap:storage.kv"]]
    )
    ui: Ui | None = Field(None, description="The page of the extension.")
    api: Api | None = Field(None, description="The endpoints that the extension serves.")
    egress: list[EgressEntry] = Field(
        default_factory=list,
        max_length=100,
        description="The hosts that `http.fetch` may call, over https on port 443 unless the entry has another scheme or port.",
        examples=[["api.example.com", "https://example.com:8443"]],
    )
    ui_proxy: UiProxy | None = Field(None, description="The routes of the application that the handler calls. Needs `cap:ui.proxy`.")
    settings: Settings = Field(
        default_factory=list,
        description="The settings that administrators fill in: a JSON Schema of type object, or its short form, a list of settings.",
    )
    schedules: list[Schedule] = Field(
        default_factory=list, max_length=50, description="Scheduled calls that are created when the extension is installed."
    )
    assets: list[Text] = Field(
        default_factory=list,
        max_length=1_000,
        description="Files of the page. For information only: every packed file is served.",
        examples=[["ui/**/*"]],
    )
    precompiled: dict[Text, InsidePath] = Field(
        default_factory=dict,
        max_length=50,
        description="Precompiled components by target. For information only: Holdfast compiles every component itself.",
        examples=[{"x86_64-linux-gnu": "precompiled/x86_64-linux-gnu.cwasm"}],
    )
    events: list[EventHandler] | None = Field(
        None, max_length=100, description="Events that are delivered to endpoints of the extension: changes of records, and of its install."
    )
    sbom: Text | None = Field(None, description="The path of a software bill of materials in the bundle.", examples=["sbom.spdx.json"])
    schema_url: Text | None = Field(
        None, alias="$schema", title="Schema", description="The address of the JSON Schema of this file, for editors."
    )

    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @field_validator("capabilities")
    @classmethod
    def _once(cls, capabilities: list[Capability]) -> list[Capability]:
        return list(dict.fromkeys(capabilities))

    @model_validator(mode="after")
    def _schedules_fit(self, info: ValidationInfo) -> Manifest:
        keys: set[str] = set()
        for index, schedule in enumerate(self.schedules):
            if info.context is not STORED:
                _check_times(schedule, ("schedules", index))
            _check_schedule(schedule, self.endpoints, ("schedules", index))
            # Installs identify their schedules by this key across all versions.
            key = schedule.name.strip() if schedule.name else f"{schedule.endpoint} {schedule.cron}"
            if key in keys:
                raise Expected("each schedule once, by its name or by its endpoint and cron", at=("schedules", index), found=f"{key} again")
            keys.add(key)
        return self

    @model_validator(mode="after")
    def _events_fit(self) -> Manifest:
        topics: set[str] = set()
        for index, event in enumerate(self.events or ()):
            _check_event(event, self.endpoints, self.capabilities, ("events", index))
            if event.endpoint is None:
                continue
            if event.topic in topics:
                raise Expected("each topic once", at=("events", index), found=f"{event.topic} again")
            topics.add(event.topic)
        return self

    @property
    def raw(self) -> dict[str, Any]:
        """The JSON object that the manifest was parsed from."""
        return self._raw

    @property
    def endpoints(self) -> list[Endpoint]:
        """The declared endpoints; empty without an `api`."""
        return [] if self.api is None else self.api.endpoints

    @property
    def request_headers(self) -> list[str]:
        """The further request headers that every endpoint receives, in lower case."""
        return [] if self.api is None else self.api.request_headers

    @property
    def needs_component(self) -> bool:
        """Whether the bundle must contain a component: the manifest declares endpoints or an `entry`."""
        return bool(self.endpoints) or self.entry is not None

    @property
    def title(self) -> str:
        """The name that users see."""
        return self.display_name or self.name


STORED = {"is_stored": True}
"""The context in which the manifest of a published version is read."""

_FIELDS = tuple(str(field.alias) for field in Manifest.model_fields.values())


def _check_times(schedule: Schedule, path: tuple[str, int]) -> None:
    try:
        check_cron(schedule.cron)
    except CronError as error:
        raise Expected("a valid cron expression", at=(*path, "cron"), found=f"{schedule.cron}: {error}") from None
    if schedule.timezone is not None and not is_time_zone(schedule.timezone):
        raise Expected("a time zone such as UTC or Europe/Berlin", at=(*path, "timezone"))


def _check_schedule(schedule: Schedule, endpoints: list[Endpoint], path: tuple[str, int]) -> None:
    at = (*path, "endpoint")
    found = [e for e in endpoints if e.path == schedule.path and e.method in {"GET", "POST"} and schedule.method in {None, e.method}]
    callable_ones = [endpoint for endpoint in found if endpoint.schedulable]
    if not found:
        raise Expected("a GET or POST endpoint of api.endpoints", at=at)
    if not callable_ones:
        raise Expected('an endpoint with "schedulable": true', at=at)
    if any(mark in schedule.path for mark in ":{}"):
        raise Expected("an endpoint without parameters in its path", at=at)
    if len(callable_ones) > 1:
        raise Expected(f"the method too, such as POST {schedule.path}, because two endpoints have this path", at=at)


def _check_event(event: EventHandler, endpoints: list[Endpoint], granted: list[Capability], path: tuple[str, int]) -> None:
    if event.endpoint is None:
        # What other hosts' manifests have always said: nothing is delivered, so nothing has to fit.
        if event.handler is None:
            raise Expected("an endpoint, such as POST /events", at=(*path, "endpoint"))
        return
    called = event.endpoint.removeprefix("POST ")
    if any(mark in called for mark in ":{}"):
        raise Expected("an endpoint without parameters in its path", at=(*path, "endpoint"))
    if not any(one.path == called and one.method == "POST" for one in endpoints):
        raise Expected("a POST endpoint of api.endpoints", at=(*path, "endpoint"))
    if event.topic not in TOPICS:
        raise Expected(f"one of {', '.join(TOPICS)}", at=(*path, "topic"))
    needed = TOPICS[event.topic]
    if needed is not None and needed not in granted:
        raise Expected(f'a topic whose capability is requested: add "{needed}" to capabilities', at=(*path, "topic"))


def parse_manifest(raw: bytes, *, is_stored: bool = False) -> Manifest:
    """Parses the bytes of a `manifest.json` (UTF-8 JSON, at most 1 MiB).

    With `is_stored`, the manifest belongs to a published version: earlier releases published cron expressions and time zones that are not
    valid, and such a version is still read.

    Raises ManifestError, and nothing else, when it is invalid; `details["issues"]` lists every problem as `{path, message, expected, line,
    column}`. A path is such as `api.endpoints[0].path`; `$` is the whole file.
    """
    value, text = read_json_object(raw)
    try:
        context = STORED if is_stored else None
        manifest = Manifest.model_validate(value, strict=True, by_alias=True, by_name=False, context=context)
    except ValidationError as error:
        raise ManifestError(issues_from_validation_error(error, value, text, _FIELDS)) from None
    manifest._raw = value
    return manifest
