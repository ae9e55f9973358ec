"""The rules that a schedule keeps: when it may run, and which values its fields may have."""
