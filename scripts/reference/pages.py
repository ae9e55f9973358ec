"""The table of generated files: path below docs/, and the function that returns the content."""

from __future__ import annotations

from collections.abc import Callable

from holdfast.bundles.manifest.json_schema import manifest_schema_text
from scripts.reference import commands, decisions, error_codes, http_api, python_sdk, settings, typescript_sdk

PAGES: dict[str, Callable[[], str]] = {
    "decisions/README.md": decisions.page,
    "reference/commands.md": commands.page,
    "reference/settings.md": settings.page,
    "reference/http-api-gateway.md": http_api.gateway_page,
    "reference/http-api-runner.md": http_api.runner_page,
    "reference/error-codes.md": error_codes.page,
    "reference/typescript-sdk.md": typescript_sdk.page,
    "reference/python-sdk.md": python_sdk.page,
    "reference/manifest.schema.json": manifest_schema_text,
}
