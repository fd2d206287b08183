"""What submission knows of payers, interchanges and acknowledgements. Pure: no I/O and no clock."""
