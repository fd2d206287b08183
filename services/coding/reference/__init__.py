"""coding's reference data on disk: a small read-only format, official files' loaders, editions."""
