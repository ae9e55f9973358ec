"""Install lookups: the registry says which tenant has an extension installed."""
