"""The unit tests. `src` has the handler, and `sdk` the SDK that the platform provides when the extension runs."""

import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "sdk")]
