"""Every command: where its function is, and the one line that the list of commands shows.

`holdfast --help` prints this table and imports no command. A test compares each line with the first line of the command's own docstring.
"""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """One command. `path` is `module:attribute`, imported when the command runs; `summary` is the first line of its help."""

    path: str
    summary: str


_MODULES = "holdfast.cli.commands"

COMMANDS = {
    "new": Command(f"{_MODULES}.new:new", "Create an extension from a template, with unit tests and type check."),
    "up": Command(f"{_MODULES}.up:up", "Start the platform: gateway, console and runner, with the given extensions installed."),
    "dev": Command(f"{_MODULES}.dev:dev", "Build and install extensions whenever their source changes, and show them in the browser."),
    "gateway": Command(f"{_MODULES}.gateway:gateway", "Start only gateway and console, for a runner that is already running."),
    "runner": Command(f"{_MODULES}.runner:runner", "Start only the runner, for an application that has the rest of the platform."),
    "scheduler": Command(f"{_MODULES}.scheduler:scheduler", "Start only a scheduler, for a gateway that is already running."),
    "build": Command(f"{_MODULES}.build:build", "Build an extension: its handler into dist/main.wasm, its pages into dist/ui."),
    "pack": Command(f"{_MODULES}.pack:pack", "Pack a built extension into a bundle and write its SHA-256 next to it."),
    "keys": Command(f"{_MODULES}.keys:keys", "Create signing keys, choose the keys you trust, and manage API keys."),
    "sign": Command(f"{_MODULES}.sign:sign", "Sign a packed bundle."),
    "verify": Command(f"{_MODULES}.verify:verify", "Check the signature of a bundle as production does."),
    "publish": Command(f"{_MODULES}.publish:publish", "Publish a version of an extension."),
    "install": Command(f"{_MODULES}.install:install", "Install an extension from a folder, a bundle or the registry."),
    "upgrade": Command(f"{_MODULES}.upgrade:upgrade", "Upgrade an installed extension to the newest version, or to the one you name."),
    "rollback": Command(f"{_MODULES}.upgrade:rollback", "Return an installed extension to its previous version, with its previous rights."),
    "uninstall": Command(f"{_MODULES}.uninstall:uninstall", "Uninstall an extension, with its settings, secrets and stored records."),
    "enable": Command(f"{_MODULES}.enable:enable", "Enable an installed extension."),
    "disable": Command(f"{_MODULES}.enable:disable", "Disable an installed extension and keep its data."),
    "list": Command(f"{_MODULES}.list_installs:list_installs", "List the installed extensions."),
    "show": Command(f"{_MODULES}.show:show", "Show the details of an installed extension."),
    "quotas": Command(f"{_MODULES}.quotas:quotas", "Show what installed extensions have used today, and set what they may use."),
    "events": Command(f"{_MODULES}.events:events", "Show the events of installed extensions, and retry or drop dead letters."),
    "versions": Command(f"{_MODULES}.versions:versions", "List the published versions of an extension, newest first."),
    "yank": Command(f"{_MODULES}.versions:yank", "Exclude a published version from new installs; existing installs are unaffected."),
    "grants": Command(f"{_MODULES}.grants:grants", "Show and change what an installed extension may do."),
    "config": Command(f"{_MODULES}.config:config", "Show and change the settings of an installed extension."),
    "extension": Command(
        f"{_MODULES}.extension:extension", "Publish and install with the names of the existing platform's `alga extension`."
    ),
    "secrets": Command(f"{_MODULES}.secrets:secrets", "Set and remove the secrets of an installed extension. Values are never shown."),
    "invoke": Command(f"{_MODULES}.invoke:invoke", "Call an endpoint of an installed extension and print the response."),
    "logs": Command(f"{_MODULES}.logs:logs", "Show what extensions log, and how their calls ended."),
    "schedules": Command(f"{_MODULES}.schedules:schedules", "Show, create, change and run the schedules of installed extensions."),
    "tenants": Command(f"{_MODULES}.tenants:tenants", "Create and list tenants."),
    "users": Command(f"{_MODULES}.users:users", "Create, list, deactivate and activate users."),
    "records": Command(f"{_MODULES}.records:records", "Import, export and list clients, contacts, services and invoices."),
    "storage": Command(f"{_MODULES}.storage:storage", "Show and change what an installed extension has stored."),
    "migrate": Command(f"{_MODULES}.migrate:migrate", "Migrate the database to the tables of this version."),
}

ALIASES = {"create": "new", "init": "new"}
"""Other names of commands, which people type out of habit. No list shows them."""
