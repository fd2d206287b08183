"""Submission: claims gather into interchanges, go to payers once, and every answer is followed."""
