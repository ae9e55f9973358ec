"""docs/reference/python-sdk.md: every public class and function of `holdfast_sdk`, read from its source.

The source is parsed, not imported: it imports modules that exist only inside a component.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "sdk" / "python" / "holdfast_sdk"
Definition = ast.ClassDef | ast.FunctionDef

HEAD = """# Python SDK

`from holdfast_sdk import …` in `src/handler.py`. `holdfast build` adds the package; you install nothing. Host functions are synchronous.
When the host denies a call, it raises `HostError`. [Write an extension](../guides/write-an-extension.md) shows a handler."""


def page() -> str:
    """The page as Markdown."""
    modules = {path.stem: ast.parse(path.read_text()) for path in sorted(SOURCE.glob("*.py"))}
    public = _exported(modules["__init__"])
    parts = [HEAD, "## Import these"]
    parts += [_definition(each) for name in public for each in _find(modules, name)]
    parts.append("## Parts of the host")
    host = next(each for each in _find(modules, "Host") if isinstance(each, ast.ClassDef))
    for attribute, kind in _attributes(host):
        for each in _find(modules, kind):
            parts.append(_definition(each, title=f"host.{attribute}"))
    parts.append("## In unit tests: holdfast_sdk.testing")
    parts += [_definition(each) for each in modules["testing"].body if isinstance(each, Definition)]
    return "\n\n".join(parts) + "\n"


def _exported(module: ast.Module) -> list[str]:
    """The names in `__all__`."""
    for node in module.body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    raise ValueError("sdk/python/holdfast_sdk/__init__.py has no __all__")


def _find(modules: dict[str, ast.Module], name: str) -> list[Definition]:
    found = [node for module in modules.values() for node in module.body if isinstance(node, Definition) and node.name == name]
    if not found:
        raise ValueError(f"holdfast_sdk exports {name}, and no module defines it")
    return found[:1]


def _attributes(definition: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Annotated attributes of a class: name and type."""
    for node in definition.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            yield node.target.id, ast.unparse(node.annotation)


def _definition(node: Definition, *, title: str | None = None) -> str:
    if isinstance(node, ast.FunctionDef):
        return "\n\n".join(filter(None, [f"### {node.name}", _code(_signature(node)), ast.get_docstring(node)]))
    parts = [f"### {title or node.name}", ast.get_docstring(node) or ""]
    if fields := list(_fields(node)):
        parts.append("\n".join(["| Field | Type | Meaning |", "|---|---|---|", *fields]))
    for method in node.body:
        if isinstance(method, ast.FunctionDef) and not method.name.startswith("_"):
            parts += [_code(_signature(method)), ast.get_docstring(method) or ""]
    return "\n\n".join(filter(None, parts))


def _fields(definition: ast.ClassDef) -> Iterator[str]:
    """One table row for each annotated attribute, with the string below it as its meaning."""
    body = definition.body
    for node, following in zip(body, [*body[1:], ast.Pass()], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
            documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            meaning = " ".join(str(following.value.value).split()) if documented else ""  # type: ignore[attr-defined]
            kind = ast.unparse(node.annotation).replace("|", "\\|")
            yield f"| `{node.target.id}` | `{kind}` | {meaning} |"


def _signature(function: ast.FunctionDef) -> str:
    arguments = ast.unparse(function.args).removeprefix("self, ").removeprefix("self")
    decorated = [ast.unparse(each) for each in function.decorator_list]
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    if "property" in decorated:
        return f"{function.name}{returns.replace(' ->', ':')}"
    return f"{function.name}({arguments}){returns}"


def _code(text: str) -> str:
    return f"```python\n{text}\n```"
