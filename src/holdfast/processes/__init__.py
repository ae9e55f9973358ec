"""Processes that serve one port: their sockets, how a parent starts, replaces and stops them, and how they notice its end."""
