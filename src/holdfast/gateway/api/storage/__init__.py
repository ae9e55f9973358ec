"""The schemas of an install's namespaces: their administration, and its REST API."""
