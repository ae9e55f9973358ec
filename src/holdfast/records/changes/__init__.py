"""Changes of what decides calls: reported by triggers of the database, followed by gateways, confirmed after a revocation."""
