"""Deliveries of events: which come next, each attempt as a durable workflow, and what people do with dead letters."""
