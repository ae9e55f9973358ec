"""The application's own records that extensions read: tenants, users, roles, clients; sessions and API keys; the database itself."""
