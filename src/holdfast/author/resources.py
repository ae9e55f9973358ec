"""Files of Holdfast that go into every build: the SDKs and the WIT text.

A wheel contains the SDKs in this package (`pyproject.toml` puts them there); in a checkout they are in `sdk/` of the repository.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

from holdfast import world

_HERE = Path(__file__).parent
WIT_EXTRAS = _HERE / "toolchain_package" / "wit"
WORLD_WIT = Path(world.__file__).parent / "wit" / "extension-runner.wit"


def sdk_folder(language: Literal["typescript", "python"]) -> Path:
    """The folder of an SDK, in the installed package or in the checkout."""
    packaged = _HERE / "sdk" / language
    return packaged if packaged.is_dir() else _HERE.parents[2] / "sdk" / language


def write_build_wit(into: Path) -> None:
    """Writes the WIT package of JavaScript builds, with the world `build`, to the empty folder `into`."""
    shutil.copytree(WIT_EXTRAS, into, dirs_exist_ok=True)
    shutil.copyfile(WORLD_WIT, into / WORLD_WIT.name)
