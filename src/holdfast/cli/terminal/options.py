"""The options that every command has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Json = Annotated[bool, Parameter("--json", negative="", help="Print the result as one line of JSON.")]
DataDir = Annotated[
    Path | None,
    Parameter(
        "--data-dir",
        help="Folder of database, bundles and credentials. Default: HOLDFAST_DATA_DIR, or .holdfast.",
        show_default=False,
    ),
]
