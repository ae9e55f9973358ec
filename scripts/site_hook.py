"""What mkdocs runs while it builds the site: lists the pages of decisions in the navigation, so that a new page needs no entry."""

from __future__ import annotations

from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Replaces the navigation entry `decisions/` by the pages of that folder, in the order of their numbers."""
    folder = Path(config.docs_dir) / "decisions"
    pages = ["decisions/README.md", *(f"decisions/{page.name}" for page in sorted(folder.glob("0*.md")))]
    config.nav = [{"Decisions": pages} if entry == {"Decisions": "decisions/"} else entry for entry in config.nav or []]
    return config
