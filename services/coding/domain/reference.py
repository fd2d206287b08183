"""The read-only reference data that checks look things up in, as the domain sees it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reference:
    """One set of editions, with the version that a verdict names. One serves a whole batch."""

    version: str
