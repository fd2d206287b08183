"""What the subcommands of `claimwire` do, a module a family; `services/cli.py` is their grammar.

A command returns its exit status: 0, or 1 where the answer is no. It raises what keeps it from
answering at all.
"""
