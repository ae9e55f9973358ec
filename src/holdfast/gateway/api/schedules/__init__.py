"""The REST operations on schedules and their runs."""
