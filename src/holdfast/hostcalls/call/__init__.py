"""The data of one call: its context, limits, errors and debug events. Imports nothing else of hostcalls."""
