"""The debug event, and the streams and sinks of it as protocols. Imports nothing else of events."""
