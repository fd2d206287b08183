"""Remittance: reads what payers decided, posts it to the ledger, and says so."""
