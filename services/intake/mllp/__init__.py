"""intake's MLLP door: HL7 v2 over TCP, each message answered once it is stored."""
