"""Payer rules as data: packs in YAML, their conditions in CEL, and what they say of a claim."""
