"""The operations of the runner over HTTP: one table, from which routes and the OpenAPI document are made, and their handlers."""
