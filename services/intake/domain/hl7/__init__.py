"""HL7 v2.3 to 2.8: messages as they are sent, mapped by a table for each source, acknowledged."""
