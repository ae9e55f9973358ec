"""Clients, contacts, services and invoices: one interface, on a data folder or over HTTP."""
