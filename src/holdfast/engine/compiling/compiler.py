"""The compiling process: `python -m holdfast.engine.compiling.compiler WASM OUT CPU-SECONDS MEMORY-BYTES FUEL` compiles one component.

OUT is an empty file. FUEL is 1 for code that counts what it computes, else 0.

Compile time is not covered by Wasmtime's security promises, so it never happens in a process that serves. Exit status 0: OUT is
written; 3: the file is not a component, its reason on stderr; anything else: the compiler stopped.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from holdfast.engine.capi import GuestFault, NativeEngine

CPU_SECONDS = 120
MEMORY_BYTES = 4 << 30
NOT_A_COMPONENT = 3


def main(wasm: Path, out: Path, cpu_seconds: int, memory_bytes: int, fuel: bool) -> int:
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 5))
    # Private memory, not address space: Wasmtime reserves far more addresses than it uses.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    engine = NativeEngine(None, fuel=fuel)
    try:
        artifact = engine.compile(wasm.read_bytes())
    except GuestFault as fault:
        sys.stderr.write(str(fault))
        return NOT_A_COMPONENT
    # Not made anew: whoever started this process may have been killed, and another may have cleaned up since.
    with out.open("r+b") as file:
        file.write(artifact)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "1"))
