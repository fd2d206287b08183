"""The messaging kernel: records in, one transaction per batch, events out."""
