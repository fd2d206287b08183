"""837 claims, professional, institutional and dental: one table each, read and written."""
