"""Everything that one runner process works with, opened and closed together."""

from holdfast.runner.services.services import RunnerServices

__all__ = ["RunnerServices"]
