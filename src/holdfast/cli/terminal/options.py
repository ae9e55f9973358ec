"""The options that every command has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from holdfast.client.target import Target

Json = Annotated[bool, Parameter("--json", negative="", help="Print the result as one line of JSON.")]
DataDir = Annotated[
    Path | None,
    Parameter(
        "--data-dir",
        help="Folder of database, bundles and credentials. Default: HOLDFAST_DATA_DIR, the running platform's, or .holdfast.",
        show_default=False,
    ),
]


@Parameter(name="*")
@dataclass(frozen=True)
class TargetOptions(Target):
    """The options that select where a command works. Every command on published versions, installs and users has them."""

    server: Annotated[
        str | None,
        Parameter(
            help="Address of a server. Default: HOLDFAST_SERVER, ALGA_API_BASE_URL, or the platform on this machine.", show_default=False
        ),
    ] = None
    api_key_file: Annotated[
        Path | None,
        Parameter(help="File whose first line is the API key of the server. Default: ALGA_API_KEY.", show_default=False),
    ] = None
    tenant: Annotated[
        str | None,
        Parameter(
            ("--tenant", "--tenant-id"),
            help="Tenant id. Default: ALGA_TENANT_ID, the tenant of the API key, or the development tenant.",
            show_default=False,
        ),
    ] = None
    data_dir: DataDir = None


HERE = TargetOptions()
"""No option is given."""
