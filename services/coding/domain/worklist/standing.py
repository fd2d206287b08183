"""How versions of a claim follow each other when two may make them: the hospital and a person here.

intake numbers what the hospital sends; once a person has made a version, coding numbers what goes
downstream. What the hospital sends after that is never taken for an old version, and never takes a
person's correction away unseen.
"""

from services.coding.domain.worklist.patching import differences, has_all
from shared.contract.claim import Claim
from shared.contract.model import Finding

CONFLICT = Finding(
    code="edited-by-hand",
    severity="block",
    message="A person corrected this claim, and the hospital has since sent a changed one that "
    "does not have the correction.",
    hint="Compare the two; apply the correction again, or release the hospital's version as it is.",
    source="claimwire worklist",
)


def next_revision(known: int, known_received: int, received: int) -> int:
    """The revision that a newly received version goes out as. `known` is the last that went out,
    `known_received` the hospital's last."""
    return received if known <= known_received else max(received, known + 1)


def is_old(known: int, known_received: int, received: int) -> bool:
    """Whether a received version is one that something newer has taken the place of."""
    if received < known_received:
        return True
    return received == known_received and known > known_received


def conflict(base: Claim | None, edited: Claim | None, received: Claim) -> Finding | None:
    """What to say where a person's correction (`edited`, made from `base`) is not in what the
    hospital sent now."""
    if edited is None or base is None:
        return None
    edits = differences(base, edited)
    return None if not edits or has_all(received, edits) else CONFLICT
