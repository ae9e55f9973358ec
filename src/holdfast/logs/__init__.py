"""How every process logs: structlog to stderr, with fixed event names and variables in fields."""

from holdfast.logs.configuration import configure_logs, quiet_libraries, silence_logger
from holdfast.logs.fast_lines import LineLevel, fast_info, fast_line
from holdfast.logs.formatting import EXTENSION_LOG
from holdfast.logs.output import buffered_lines

__all__ = ["EXTENSION_LOG", "LineLevel", "buffered_lines", "configure_logs", "fast_info", "fast_line", "quiet_libraries", "silence_logger"]
