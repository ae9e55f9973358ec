"""The debug stream in Redis: addresses and connections, entries, writing and reading."""
