"""intake's HTTP door: the same deciders as on Kafka, and an answer for each record."""
