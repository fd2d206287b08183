"""What patients are told: balances, bills and how they look."""
