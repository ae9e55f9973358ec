"""The database connection, its addresses, column types and change notifications."""
