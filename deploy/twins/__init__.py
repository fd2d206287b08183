"""Stand-ins for the world outside: a hospital that publishes and a payer that answers."""
