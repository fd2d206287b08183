"""Which claims of a hospital's day have a mistake: one in twenty by chance, and in a day that is
large enough one of each family of checks for certain, so that every family has something to hold.

Apart from the mistakes, which say what is wrong with a claim and not how often that happens.
"""

from collections.abc import Callable
from random import Random

from deploy.twins.mistakes import FAMILIES, NOT_PACKED
from deploy.twins.publication import Fate
from shared.contract.claim import Claim

LARGE_DAY = 500
"""Claims from which on a day has a mistake of each family."""

_SHARE = 0.05
"""Of claims that have a mistake by chance."""
_PLACED_EVERY = 5
"""Of the clean claims, the one that may be given a mistake of a family that still lacks one: few
enough to be spread over the day, often enough for the mistakes that few claims can have."""


class Spoiler:
    """Goes through the claims of one day, in their order. `suits` chooses, by the patient control
    number, which claims can stand for a family. The mistakes of families of which nothing is packed
    in are made where `is_equipped` says that tables are loaded and payers' rules in force."""

    def __init__(
        self, seed: int, count: int, *, is_equipped: bool, suits: Callable[[str], bool]
    ) -> None:
        self._random = Random(seed ^ 0xFA1)
        self._suits = suits
        self._families = [name for name in FAMILIES if is_equipped or name not in NOT_PACKED]
        self._family_of = {code: name for name in self._families for code in FAMILIES[name]}
        self._owed = list(self._families) if count >= LARGE_DAY else []
        self._clean = 0

    def spoiled(self, claim: Claim, chance: float) -> tuple[Claim, Fate]:
        """The claim as it is sent; `chance` is a number from 0 to below 1."""
        if chance < _SHARE:
            return self._by_chance(claim, chance / _SHARE), "held"
        self._clean += 1
        if self._owed and self._clean % _PLACED_EVERY == 0:
            placed = self._placed(claim)
            if placed is not None:
                return placed, "held"
        return claim, "accepted"

    def _by_chance(self, claim: Claim, choice: float) -> Claim:
        """With the mistake that the number chooses, or the next that its kind can have."""
        codes = list(self._family_of)
        at = int(choice * len(codes))
        for code in (*codes[at:], *codes[:at]):
            family = self._family_of[code]
            wrong = FAMILIES[family][code](claim)
            if wrong is not None:
                self._settle(family, claim)
                return wrong
        raise AssertionError("every claim can have a wrong total")

    def _placed(self, claim: Claim) -> Claim | None:
        if not self._suits(claim.patient_control_number):
            return None
        for family in self._owed:
            mistake = self._random.choice(list(FAMILIES[family].values()))
            wrong = mistake(claim)
            if wrong is not None:
                self._settle(family, claim)
                return wrong
        return None

    def _settle(self, family: str, claim: Claim) -> None:
        if family in self._owed and self._suits(claim.patient_control_number):
            self._owed.remove(family)
