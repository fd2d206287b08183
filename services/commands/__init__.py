"""The subcommands of `claimwire`, a module a family; `services/cli.py` puts them together."""
