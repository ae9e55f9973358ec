"""`holdfast dev --json` as a process, and small projects to develop with it."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any, Self

import httpx2
import psutil

from tests.cli.command_runner import ARTIFACTS, COMMAND, clean_environment
from tests.waiting import MAX_WAIT_SECONDS, wait_until

Event = dict[str, Any]


class DevProcess:
    """A running `holdfast dev`, or another `command` that becomes one. Its events are read as they come.

    What it compiles is in ARTIFACTS unless `variables` say otherwise. The end of the block stops it, and nothing may be left.
    """

    def __init__(self, folder: Path, *arguments: str | Path, command: tuple[str, ...] = (*COMMAND, "dev"), **variables: str) -> None:
        self.data_dir = Path(arguments[arguments.index("--data-dir") + 1]) if "--data-dir" in arguments else folder / "data"
        self.errors = (folder / "dev-stderr.log").open("w+b")
        self.events: list[Event] = []
        own = [] if "--data-dir" in arguments else ["--data-dir", str(self.data_dir)]
        options = ["--json", *own, "--port", "0", "--runner-port", "0", "--no-open"]
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            [*command, *map(str, arguments), *options],
            cwd=folder,
            env=clean_environment(**({"HOLDFAST_ARTIFACT_ROOT": str(ARTIFACTS)} | variables)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.events.append(json.loads(line))

    def described(self) -> str:
        """What it has written, for a failure."""
        log = self.data_dir / "dev.log"
        tail = log.read_text(errors="replace")[-2_000:] if log.is_file() else ""
        return f"{self.events}\n{Path(self.errors.name).read_text()}\n{tail}"

    def wait_for(self, kind: str, *, after: int = 0, extension: str | None = None) -> Event:
        """The first event of this kind after the first `after` events. Fails when the process ends before."""
        found: list[Event] = []

        def is_there() -> bool:
            events = self.events[after:]
            found[:] = [one for one in events if one.get("event") == kind and (extension is None or one.get("extension") == extension)]
            if not found and self.process.poll() is not None:
                raise AssertionError(f"holdfast dev ended with {self.process.returncode}: {self.described()}")
            return bool(found)

        wait_until(is_there, self.described)
        return found[0]

    def count(self, *kinds: str) -> int:
        """How many events of these kinds there were."""
        return sum(event["event"] in kinds for event in self.events)

    def client(self) -> httpx2.Client:
        """A client of the gateway with the API key."""
        platform = self.wait_for("platform")
        headers = {"authorization": f"Bearer {platform['api_key']}"}
        return httpx2.Client(base_url=platform["console"], headers=headers, timeout=MAX_WAIT_SECONDS, trust_env=False)

    def family(self) -> list[psutil.Process]:
        """The process and everything it has started."""
        own = psutil.Process(self.process.pid)
        return [own, *own.children(recursive=True)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        children: list[psutil.Process] = []
        if self.process.poll() is None:
            children = self.family()[1:]
            self.process.terminate()
        self.process.wait(timeout=MAX_WAIT_SECONDS)
        _, left = psutil.wait_procs(children, timeout=MAX_WAIT_SECONDS)
        assert left == []
        self._reading.join(timeout=MAX_WAIT_SECONDS)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.errors.close()


def write_page_extension(folder: Path, name: str = "pages") -> Path:
    """An extension with a page, a style sheet and a script, and no handler: it is installed as it is."""
    (folder / "ui").mkdir(parents=True)
    manifest = {
        "name": f"com.example.{name}",
        "publisher": "Example",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "displayName": name.title(),
        "ui": {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": name.title()}}},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    (folder / "ui" / "style.css").write_text("h1 { color: rgb(0, 128, 0) }")
    (folder / "ui" / "main.js").write_text("document.querySelector('output').textContent = String(Math.random());")
    (folder / "ui" / "index.html").write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title><link rel="stylesheet" href="style.css">'
        '<script src="main.js" defer></script></head><body><h1>First</h1><output></output></body></html>'
    )
    return folder


def save(path: Path, text: str) -> None:
    """Writes a file as most editors do: another file, renamed over it."""
    draft = path.with_name(f".{path.name}.draft~")
    draft.write_text(text)
    draft.replace(path)


def write_handler_extension(folder: Path, name: str) -> Path:
    """An extension with a TypeScript handler that answers `GET /n` with the number in `src/number.ts`, and logs it; and with a page."""
    (folder / "src").mkdir(parents=True)
    (folder / "ui").mkdir()
    (folder / "ui" / "index.html").write_text(f'<!doctype html><html lang="en"><body><h1>{name.title()}</h1></body></html>')
    manifest = {
        "name": f"com.example.{name}",
        "publisher": "Example",
        "version": "1.0.0",
        "runtime": "wasm-js@1",
        "displayName": name.title(),
        "capabilities": ["cap:log.emit"],
        "ui": {"type": "iframe", "entry": "ui/index.html", "hooks": {"appMenu": {"label": name.title()}}},
        "api": {"endpoints": [{"method": "GET", "path": "/n", "handler": "dist/main"}]},
    }
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))
    (folder / "src" / "number.ts").write_text(number_source(0))
    (folder / "src" / "handler.ts").write_text(
        "import { type Handler, jsonResponse } from '@alga-psa/extension-runtime';\n"
        "import { number } from './number';\n\n"
        "export const handler: Handler = async (_req, host) => {\n"
        "  await host.logging.warn(`number ${number}`);\n"
        "  return jsonResponse({ number });\n"
        "};\n"
    )
    return folder


def number_source(number: int) -> str:
    """The content of `src/number.ts`."""
    return f"export const number = {number};\n"


BROKEN_SOURCE = "export const number = ((;\n"
