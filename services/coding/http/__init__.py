"""coding's HTTP API: the worklist."""
