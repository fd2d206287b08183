"""What services share about the domain: canonical claim, event types, topics, envelope."""
