"""What is typed after `claimwire`, a module a family: names, options, help. `services/cli.py` puts
the families together; what a command does stands in `services/commands`."""
