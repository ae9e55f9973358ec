"""docs/decisions/README.md: the list of decisions, with the date and the status that each page names."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "docs" / "decisions"

HEAD = """# Decisions

One page for each decision: what we decided, which alternatives there were, and why. A decision that no longer holds stays here, with the
status *superseded* and a link to its successor. A new page starts with `# 0042: Title`, then `Date: 2030-01-31. Status: accepted.`; run
`make reference` to list it here."""

_PAGE = re.compile(r"# (?P<number>\d{4}): (?P<title>.+)\n\nDate: (?P<date>\d{4}-\d\d-\d\d)\. Status: (?P<status>[^\n]+)\.\n")


def page() -> str:
    """The page as Markdown. Raises ValueError for a decision that does not start with number, title, date and status."""
    rows = ["| Decision | Date | Status |", "|---|---|---|"]
    for path in sorted(FOLDER.glob("0*.md")):
        found = _PAGE.match(path.read_text())
        if found is None or not path.name.startswith(found["number"]):
            raise ValueError(f"docs/decisions/{path.name} must start with `# NUMBER: Title`, then `Date: YYYY-MM-DD. Status: accepted.`")
        rows.append(f"| [{found['number']}: {found['title']}]({path.name}) | {found['date']} | {found['status']} |")
    return "\n\n".join([HEAD, "\n".join(rows)]) + "\n"
