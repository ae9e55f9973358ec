"""One database: its sessions, transactions and jobs, on SQLite, on Postgres and in memory."""

from holdfast.records.database.database.access import Database

__all__ = ["Database"]
