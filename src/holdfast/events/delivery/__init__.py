"""Sends events elsewhere in batches: the queue, and the transport over HTTP."""
