"""The HTTP API of remittance."""
