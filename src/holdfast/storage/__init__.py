"""The key-value storage of extensions: records by namespace and key, with revisions, expiry and quotas."""
