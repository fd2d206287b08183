"""Pure: formats, readers, rules of acceptance, identity and the decision. No I/O, no clock."""
