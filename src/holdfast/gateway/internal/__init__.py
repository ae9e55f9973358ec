"""The internal API that runners use: install lookup, configuration, storage, debug events."""
