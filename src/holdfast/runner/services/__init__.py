"""Everything that one runner process works with, opened and closed together."""

from holdfast.runner.services.services import METRICS, SHARED, RunnerServices

__all__ = ["METRICS", "SHARED", "RunnerServices"]
