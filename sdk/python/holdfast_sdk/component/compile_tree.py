"""Compiles the standard library or vendored packages once, and writes the results to a folder that the build keeps.

A build of its own: componentize-py runs it with the interpreter of the component, whose bytecode no other version can write.
"""

from __future__ import annotations

import os

from holdfast_sdk.component.bytecode import compile_module


def compile_folder(root: str, prefix: str, output: str, skip: tuple[str, ...]) -> int:
    """Compiles the modules below the folder `root`, as if it were at `prefix`, except what `skip` names. Returns how many."""
    count = 0
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in skip and name != "__pycache__"]
        for name in names:
            path = os.path.join(folder, name)  # noqa: PTH118
            if not name.endswith(".py") or name in skip:
                continue
            with open(path, "rb") as file:  # noqa: PTH123
                compiled = compile_module(prefix + path[len(root) :], file.read())
            if compiled is not None:
                target = output + compiled[0]
                os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
                with open(target, "wb") as file:  # noqa: PTH123
                    file.write(compiled[1])
                count += 1
    return count
