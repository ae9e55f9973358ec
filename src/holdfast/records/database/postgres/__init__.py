"""Postgres: text that it can store, and the connections of the hot path."""
