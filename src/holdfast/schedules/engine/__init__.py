"""The durable-execution engine: workflows that continue after their process was killed, on SQLite or Postgres."""
