"""Signatures of bundles: the minisign format, the signed statement, trusted keys, and the policy that evaluates a signature."""
