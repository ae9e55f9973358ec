"""Records as tables that people edit: import and export of clients, contacts and services, as CSV and JSON."""
