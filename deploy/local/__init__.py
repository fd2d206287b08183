"""The local stack: an embedded database and broker, and the supervisor that runs the line."""
