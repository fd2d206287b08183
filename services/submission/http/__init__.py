"""submission's HTTP: where claims and interchanges stand, and what people decide about them."""
