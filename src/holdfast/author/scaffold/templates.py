"""The templates of new projects: which files each has, and what to type after the project is created."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from holdfast.author.scaffold.errors import ScaffoldError

FOLDER = Path(__file__).parent / "template_files"
GITIGNORE = "_gitignore"
"""How the template's `.gitignore` is called here: under its own name, Git and the build of the wheel would apply it to this folder."""

_SKIPPED = {"__pycache__", "node_modules"}


class Template(Struct, frozen=True):
    """A template. Its files are those of its `layers`, folders of FOLDER; a later layer wins. `next_steps` are commands with their meaning.

    `has_python` adds the SDK for Python, and an environment with a type checker.
    """

    name: str
    summary: str
    layers: tuple[str, ...]
    next_steps: tuple[tuple[str, str], ...]
    has_python: bool = False

    def files(self) -> dict[str, Path]:
        """The files by their path in the project, sorted."""
        found = {name: path for layer in self.layers for name, path in _files(FOLDER / layer)}
        return dict(sorted(found.items()))


def _files(layer: Path) -> Iterator[tuple[str, Path]]:
    for path in layer.rglob("*"):
        if path.is_file() and not _SKIPPED & set(path.parts):
            yield path.relative_to(layer).as_posix().replace(GITIGNORE, ".gitignore"), path


_DEV = ("holdfast dev", "start the platform, open the page, rebuild on save")
_TEST = ("npm test", "run the unit tests")

TEMPLATES = (
    Template(
        name="typescript",
        summary="a page and a handler in TypeScript",
        layers=("common", "page-style", "node", "visits", "visits-page", "visits-typescript", "typescript"),
        next_steps=(_DEV, _TEST),
    ),
    Template(
        name="page",
        summary="a page only",
        layers=("common", "page-style", "node", "page"),
        next_steps=(_DEV, _TEST),
    ),
    Template(
        name="python",
        summary="a page and a handler in Python",
        layers=("common", "page-style", "node", "visits", "visits-page", "python"),
        next_steps=(_DEV, ("python3 -m unittest", "run the unit tests")),
        has_python=True,
    ),
    Template(
        name="react",
        summary="a page in React, built with Vite, and a handler in TypeScript",
        layers=("common", "page-style", "visits", "visits-typescript", "react"),
        next_steps=(("npm run dev", "start Vite and the platform, open the page with hot reload"), _TEST),
    ),
)
DEFAULT_TEMPLATE = TEMPLATES[0]


def find_template(name: str) -> Template:
    """The template with that name. Raises ScaffoldError (`template_unknown`)."""
    found = next((template for template in TEMPLATES if template.name == name.strip().lower()), None)
    if found is None:
        known = ", ".join(template.name for template in TEMPLATES)
        raise ScaffoldError("template_unknown", f'There is no template "{name}".', hint=f"Choose one of {known}.")
    return found
