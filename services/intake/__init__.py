"""intake: what a hospital's integration engine publishes becomes a claim, or a clear refusal."""
