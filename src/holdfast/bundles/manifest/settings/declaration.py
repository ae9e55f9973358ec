"""The field `settings` of a manifest: a JSON Schema, or its short form, a list of settings."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, Tag, WithJsonSchema, model_validator

from holdfast.bundles.manifest.fields.sections import Section
from holdfast.bundles.manifest.fields.values import Label, Prose, SettingKey, Text
from holdfast.bundles.manifest.parsing.errors import Expected

SettingType = Literal["text", "string", "number", "boolean", "select", "secret", "url"]

_DEFAULTS: dict[str, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "text"),
    "string": ((str,), "text"),
    "url": ((str,), "text"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
}


def _scalar(value: Any) -> Any:
    if value is not None and not isinstance(value, (str, int, float, bool)):
        raise Expected("text, a number, true or false")
    return value


class Setting(Section):
    """One value that an administrator fills in; a `secret` is stored encrypted."""

    key: SettingKey = Field(description="The name that the extension reads the value by.", examples=["region"])
    label: Label | None = Field(None, description="The label in the form.")
    type: SettingType = Field("text", description="The type of the value.")
    description: Prose | None = Field(None, description="What the value is for.")
    required: bool = Field(False, description="Whether the extension requires a value.")
    default: Annotated[Any, BeforeValidator(_scalar), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})] = Field(
        None, description="The value until one is filled in. A secret has no default."
    )
    options: list[Text] | None = Field(None, max_length=500, description="The choices of a `select`.")

    @model_validator(mode="after")
    def _fits(self) -> Setting:
        if self.type == "select" and not self.options:
            raise Expected("the choices of a select", at=("options",), found="nothing")
        if self.default is None:
            return self
        if self.type == "secret":
            raise Expected("no default for a secret, because everyone could read it", at=("default",), found="one")
        if self.type == "select":
            if self.default not in (self.options or []):
                raise Expected(f"one of {', '.join(self.options or [])}", at=("default",))
            return self
        types, expected = _DEFAULTS[self.type]
        if not isinstance(self.default, types) or (isinstance(self.default, bool) and bool not in types):
            raise Expected(expected, at=("default",))
        return self


def short_form_schema(settings: list[Setting]) -> dict[str, Any]:
    """The JSON Schema that is equivalent to a short form."""
    return {
        "type": "object",
        "properties": {setting.key: _property(setting) for setting in settings},
        "required": [setting.key for setting in settings if setting.required],
    }


def _property(setting: Setting) -> dict[str, Any]:
    kinds: dict[str, dict[str, Any]] = {
        "number": {"type": "number"},
        "boolean": {"type": "boolean"},
        "url": {"type": "string", "format": "uri"},
        "secret": {"type": "string", "writeOnly": True, "format": "password"},
        "select": {"type": "string", "enum": setting.options},
    }
    described = {"title": setting.label, "description": setting.description, "default": setting.default}
    return {**kinds.get(setting.type, {"type": "string"}), **{name: value for name, value in described.items() if value is not None}}


def _once(settings: list[Setting]) -> list[Setting]:
    seen: set[str] = set()
    for index, setting in enumerate(settings):
        if setting.key in seen:
            raise Expected("every key once", at=(index, "key"))
        seen.add(setting.key)
    return settings


def _schema(value: dict[str, Any]) -> dict[str, Any]:
    # Imported here because the validator is a library of several megabytes, and most manifests have no schema.
    from holdfast.bundles.manifest.settings.schema_check import validate_schema

    validate_schema(value)
    return value


def _form(value: Any) -> str | None:
    return "tag:list" if isinstance(value, list) else "tag:schema" if isinstance(value, dict) else None


Settings = Annotated[
    Annotated[list[Setting], Field(max_length=200), AfterValidator(_once), Tag("tag:list")]
    | Annotated[dict[str, Any], AfterValidator(_schema), Tag("tag:schema")],
    Discriminator(
        _form,
        custom_error_type="settings_form",
        custom_error_message="a JSON Schema of type object, or a list of settings",
        custom_error_context={},
    ),
]
"""A list in the short form; otherwise the schema as it is in the file, already validated."""
