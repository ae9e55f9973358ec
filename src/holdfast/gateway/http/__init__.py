"""Requests, headers and responses, as the gateway's routes handle them."""
