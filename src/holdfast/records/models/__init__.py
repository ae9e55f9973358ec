"""The tables of the application's own records."""
