"""Frozen dataclasses that cost little to make: for what is made many times for each claim.

A frozen dataclass sets every field through `object.__setattr__`, which takes four times as long as
setting it. Those made with this decorator are frozen for the type checker, which holds for all of
our code, and ordinary ones when it runs; equality and hash are the same.
"""

import dataclasses
from typing import TYPE_CHECKING

__all__ = ["dataclass"]

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(*, frozen, slots, **options):
        """As `dataclasses.dataclass`; frozen and with slots is the only form there is."""
        assert frozen
        assert slots
        return dataclasses.dataclass(slots=True, unsafe_hash=True, **options)
