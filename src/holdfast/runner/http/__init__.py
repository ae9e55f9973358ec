"""The runner's HTTP server: the fast path, responses, the service token."""
