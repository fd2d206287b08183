"""The rules of posting, pure: no database, no broker, no clock."""
