"""The compiler process: `python -m holdfast.engine.compiling.compiler WASM OUT CPU-SECONDS MEMORY-BYTES FUEL` compiles one component.

OUT is an empty file. FUEL is 1 for code that counts what it computes, else 0. Exit status 0: OUT is written; 3: WASM is not a
component, with the reason on stderr; anything else: the compiler stopped.

Wasmtime's security guarantees do not cover compiling, so no serving process compiles, and this one limits its own resources first.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from holdfast.engine.capi import GuestFault, NativeEngine

CPU_SECONDS = 120
MEMORY_BYTES = 4 << 30
EXIT_NOT_A_COMPONENT = 3


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
        return EXIT_NOT_A_COMPONENT
    # Opens the existing file only: the parent may have been killed, and another process may have removed the file since.
    with out.open("r+b") as file:
        file.write(artifact)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5] == "1"))
