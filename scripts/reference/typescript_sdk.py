"""docs/reference/typescript-sdk.md: every name that the two entry points of the TypeScript SDK export, with its comment.

A small reader of declarations, enough for the style of sdk/typescript: one exported declaration at the start of a line, closed by a line
that starts with `}` or ends in `;`. It fails when an entry point exports a name that it does not find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "sdk" / "typescript" / "src"

HEAD = """# TypeScript SDK

`holdfast build` adds the SDK; you install nothing. Import the handler's side from `@holdfast/sdk` or `@alga-psa/extension-runtime`, and
the page's side from `@holdfast/sdk/iframe` or `@alga-psa/extension-iframe-sdk`. For editors and unit tests,
`holdfast new` writes the same SDK into the project as an npm package.
[Write an extension](../guides/write-an-extension.md) shows both."""

_EXPORT = re.compile(r"^export (?:type )?(?:\{(?P<names>[^}]*)\}|\*) from '(?P<module>[^']+)';", re.M)
_DECLARATION = re.compile(
    r"(?P<comment>(?:^/\*\*(?:(?!\*/).)*\*/\n)?)^export (?:default )?(?:async )?"
    r"(?P<kind>function|class|interface|type|const) (?P<name>\w+)",
    re.M | re.S,
)


def page() -> str:
    """The page as Markdown. Raises ValueError for an exported name without a declaration."""
    sides = (
        ("In handlers: @holdfast/sdk", SOURCE / "index.ts"),
        ("In pages: @holdfast/sdk/iframe", SOURCE / "iframe" / "index.ts"),
        ("In unit tests: @holdfast/sdk/testing", SOURCE / "testing.ts"),
    )
    parts = [HEAD]
    for title, entry in sides:
        parts += [f"## {title}", *(_section(name, text, comment) for name, text, comment in _exports(entry))]
    return "\n\n".join(parts) + "\n"


def _exports(entry: Path) -> Iterator[tuple[str, str, str]]:
    """Name, declaration and comment of everything that an entry point exports: from other modules, then of its own."""
    for export in _EXPORT.finditer(entry.read_text()):
        declared = dict(_declarations((entry.parent / export["module"]).read_text()))
        names = [name.strip() for name in export["names"].split(",") if name.strip()] if export["names"] else list(declared)
        for name in names:
            if name not in declared:
                raise ValueError(f"{entry.name} exports {name}, and {export['module']} does not declare it")
            yield name, *declared[name]
    for name, (text, comment) in _declarations(entry.read_text()):
        yield name, text, comment


def _declarations(source: str) -> Iterator[tuple[str, tuple[str, str]]]:
    for found in _DECLARATION.finditer(source):
        start = found.start() + len(found["comment"])
        yield found["name"], (_shape(found["kind"], source[start:]), _plain(found["comment"]))


def _shape(kind: str, rest: str) -> str:
    """What callers see of a declaration: an interface as a whole, a function without its body, a class without private members."""
    if kind == "function":
        return _signature(rest) + ";"
    if kind in ("type", "const"):
        whole = re.match(r"(?:[^;{]|\{[^}]*\})*;", rest)
        return (whole[0] if whole else rest.partition("\n")[0]) if kind == "type" else rest.partition(" =")[0] + ";"
    whole = re.match(r".*?^\}", rest, re.S | re.M)
    body = whole[0] if whole else rest
    return body if kind == "interface" else _public_members(body)


def _signature(text: str) -> str:
    """The text up to the brace that opens the function's body, which is the last one of its line."""
    return re.split(r" \{$", text, maxsplit=1, flags=re.M)[0]


def _public_members(body: str) -> str:
    """A class as its public fields and the signatures of its public methods, with their comments."""
    lines, kept, depth = body.splitlines(), [], 0
    for line in lines[1:-1]:
        if depth == 0 and line.strip() and not re.match(r"\s*(private|protected)\b", line):
            # A field that holds a function shows its type only; a method loses its body.
            kept.append(re.sub(r" = .*[{;]$", ";", re.sub(r" \{$", ";", line)))
        depth += line.count("{") + line.count("(") - line.count("}") - line.count(")")
        if depth == 0 and kept and kept[-1].strip() == "}":
            kept.pop()
    return "\n".join([lines[0], *kept, "}"])


def _plain(comment: str) -> str:
    """The text of a doc comment."""
    lines = [re.sub(r"^\s*(/\*\*|\*/|\*)?\s?|\s*\*/$", "", line) for line in comment.splitlines()]
    return "\n".join(lines).strip()


def _section(name: str, declaration: str, comment: str) -> str:
    return "\n\n".join(filter(None, [f"### {name}", comment, f"```ts\n{declaration}\n```"]))
