"""What is known while a batch is decided, under the kernel's keys.

A claim's state stands under its id, which is the key of its unit; what else a decision needs (other
claims under the same number, encounters, merged patients) under keys made of that with a prefix.
"""

from collections.abc import Iterator, Mapping
from uuid import UUID

from services.intake.domain.decide import ClaimState
from services.intake.domain.encounter import Encounter, patient_id
from shared.light import dataclass

MAX_MERGES = 10
"""How many merges are followed from an account or patient to where it went."""


@dataclass(frozen=True, slots=True)
class PatientMerge:
    """A patient's record number that goes on as another one."""

    source: str
    prior: str
    number: str

    @property
    def id(self) -> UUID:
        return patient_id(self.source, self.prior)


@dataclass(frozen=True, slots=True)
class Siblings:
    """Claims under a number that is not their id: the number was used for several claims."""

    claims: tuple[ClaimState, ...]


State = ClaimState | Siblings | Encounter | PatientMerge


def siblings_key(number_id: object) -> str:
    return f"siblings/{number_id}"


def encounter_key(encounter_id: object) -> str:
    return f"encounter/{encounter_id}"


def merge_key(patient: object) -> str:
    return f"patient/{patient}"


@dataclass(frozen=True, slots=True)
class Known:
    """States by the kernel's keys, asked for in the domain's words."""

    states: Mapping[str, State]

    def claim(self, identity: object) -> ClaimState | None:
        found = self.states.get(str(identity))
        return found if isinstance(found, ClaimState) else None

    def under_number(self, number_id: str) -> tuple[ClaimState, ...]:
        """Every claim that the sender has called by this number."""
        first = self.claim(number_id)
        others = self.states.get(siblings_key(number_id))
        rest = others.claims if isinstance(others, Siblings) else ()
        return (first, *rest) if first is not None else rest

    def account(self, identity: object) -> Encounter | None:
        """The encounter of this very account, merged or not."""
        found = self.states.get(encounter_key(identity))
        return found if isinstance(found, Encounter) else None

    def encounter(self, identity: object) -> Encounter | None:
        """The encounter, or the one that its account was merged into."""
        return self._followed(identity)[1]

    def is_purged(self, identity: object) -> bool:
        """Whether that encounter was billed so long ago that it is not kept any more."""
        identity, found = self._followed(identity)
        claim = self.claim(identity) if found is None else None
        return claim is not None and claim.is_encounter_purged

    def _followed(self, identity: object) -> tuple[object, Encounter | None]:
        found = self.account(identity)
        for _ in range(MAX_MERGES):
            if found is None or found.merged_into is None:
                break
            identity = found.merged_into
            found = self.account(identity)
        return identity, found

    def encounters(self) -> Iterator[Encounter]:
        return (state for state in self.states.values() if isinstance(state, Encounter))

    def record_number(self, source: str, number: str | None) -> str | None:
        """The number by which a patient is known now."""
        for _ in range(MAX_MERGES):
            merge = self.states.get(merge_key(patient_id(source, number))) if number else None
            if not isinstance(merge, PatientMerge) or merge.number == number:
                break
            number = merge.number
        return number
