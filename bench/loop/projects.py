"""The projects that the loop is measured on, and the save of a number in each."""

from __future__ import annotations

import json
from pathlib import Path

from msgspec import Struct

from tests.dev.dev_process import number_source, save, write_handler_extension, write_page_extension


class Numbered(Struct, frozen=True):
    """A project whose endpoint `GET /n` answers with the number that was saved last."""

    name: str
    root: Path
    source: Path
    language: str

    def save(self, number: int) -> None:
        """Saves a number as an editor does."""
        save(self.source, number_source(number) if self.language == "TypeScript" else _python_source(number))


def write_projects(folder: Path) -> tuple[list[Numbered], Path]:
    """A project for each language, and one with only a page."""
    typescript = write_handler_extension(folder / "typescript", "typescript")
    python = folder / "python"
    (python / "src").mkdir(parents=True)
    manifest = json.loads((typescript / "manifest.json").read_text()) | {"name": "com.example.python", "displayName": "Python"}
    del manifest["ui"]
    (python / "manifest.json").write_text(json.dumps(manifest))
    (python / "src" / "handler.py").write_text(_python_source(0))
    numbered = [
        Numbered("typescript", typescript, typescript / "src" / "number.ts", "TypeScript"),
        Numbered("python", python, python / "src" / "handler.py", "Python"),
    ]
    return numbered, write_page_extension(folder / "pages")


def _python_source(number: int) -> str:
    return f'from holdfast_sdk import json_response\n\n\ndef handler(req, host):\n    return json_response({{"number": {number}}})\n'
