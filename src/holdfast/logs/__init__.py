"""How every process logs: structlog to stderr, with fixed event names and variables in fields."""

from holdfast.logs.configuration import configure_logs, quiet_libraries
from holdfast.logs.fast_lines import fast_info
from holdfast.logs.output import buffered_lines

__all__ = ["buffered_lines", "configure_logs", "fast_info", "quiet_libraries"]
