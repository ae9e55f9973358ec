"""SQLite: the lock that orders writers, the one writer of a process, and the connections of the hot path."""
