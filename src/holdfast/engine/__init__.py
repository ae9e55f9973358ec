"""Runs one component call. Knows no HTTP, no database, no tenant."""
