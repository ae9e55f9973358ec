"""`POST /v1/execute`: validation, idempotency, concurrency limits, the call itself."""
