"""What operators see: traces, metrics and logs, under one list of names and without PHI."""
