"""What extensions store: records by namespace and key, with revisions, expiry and quotas."""
