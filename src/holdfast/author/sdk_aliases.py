"""The names under which handlers and pages import the SDK, and where its source is."""

from __future__ import annotations

from pathlib import Path

from holdfast.author import resources

GUEST_NAMES = ("@holdfast/sdk", "@alga-psa/extension-runtime", "@alga/extension-runtime")
IFRAME_NAMES = ("@holdfast/sdk/iframe", "@alga-psa/extension-iframe-sdk", "@alga/extension-iframe-sdk")


def sdk_aliases(project: Path) -> dict[str, str]:
    """The SDK's source files by import name.

    A published package that the project has installed itself wins. `@holdfast/sdk` never comes from the project: its copy is for editors
    and tests, and a second `HostError` beside the one of the runtime would make `instanceof` fail.
    """
    source = resources.sdk_folder("typescript") / "src"
    aliases = dict.fromkeys(IFRAME_NAMES, str(source / "iframe" / "index.ts")) | dict.fromkeys(GUEST_NAMES, str(source / "index.ts"))
    own = aliases.keys() - {"@holdfast/sdk", "@holdfast/sdk/iframe"}
    return {
        name: path for name, path in aliases.items() if name not in own or not (project / "node_modules" / name / "package.json").is_file()
    }
