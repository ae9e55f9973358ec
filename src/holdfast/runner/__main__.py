"""`python -m holdfast.runner [--fd N] [--parent-pipe N]`: serves on the settings' port, or on an inherited listening socket."""

from __future__ import annotations

import argparse
import asyncio
import socket
import sys
from collections.abc import Sequence
from typing import Any

import pydantic
import uvloop

from holdfast.errors import HoldfastError
from holdfast.logs import configure_logs
from holdfast.runner.main import serve
from holdfast.settings import Settings

_NOTHING_GIVEN: dict[str, Any] = {}
"""Every setting comes from the environment or `.env.runner`; the type checker wants to see that none is forgotten."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the runner; the exit code is 0 after an orderly stop, 1 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m holdfast.runner", description="Runs extensions for a gateway.")
    parser.add_argument("--fd", type=int, help="descriptor of an inherited listening socket")
    parser.add_argument("--parent-pipe", type=int, help="descriptor to read from; the runner stops when it reaches its end")
    options = parser.parse_args(arguments)
    try:
        settings = Settings(**_NOTHING_GIVEN)
        configure_logs(settings)
        sock = None if options.fd is None else socket.socket(fileno=options.fd)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, sock=sock, parent_pipe=options.parent_pipe))
    except HoldfastError as error:
        return _complain(str(error))
    except pydantic.ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors(include_input=False))
        return _complain(f"A setting is not valid: {faults}.")
    except (OSError, ValueError) as error:
        return _complain(f"The runner cannot start: {error}.")
    return 0


def _complain(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
