"""The billing office's hours in the demo: what is held, refused or denied is worked over coding's
HTTP API as a biller would, and the book is told what must come of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from deploy.local.stack import Stack
from deploy.twins.biller import Biller, Worked
from deploy.twins.daybook import Daybook
from services.coding.domain.checks import FAMILY_OF, PAYER_RULES, family_of
from shared.money import parse_decimal_cents

RESENT_MOST, REPLACED_MOST, VOIDED_MOST = 4, 2, 1
REASONS = ("held", "refused", "denied")
FIRST, AFTER_REFUSAL, REPLACEMENT, VOID = "", "2", "7", "8"


@dataclass(frozen=True, slots=True)
class OfficeHours:
    """How many claims went out again."""

    fixed: int
    resent: int
    replaced: int
    voided: int
    worklist: Mapping[str, tuple[int, int]]
    """Before that, by reason: how many entries, and the cents at stake."""
    held_by: Mapping[str, frozenset[str]]
    """The claims that were held, by the family of checks that a finding is of."""
    released: frozenset[str]
    """Those of them that went out when corrected."""


def work(stack: Stack, book: Daybook) -> OfficeHours:
    """Corrects what is held as far as the chart knows what is right, and of what was refused or
    denied some: not all, so that the worklist has something to show."""
    service = stack.services["coding"]
    with Biller(str(service.url), stack.folder.api_key.read_text().strip()) as biller:
        entries = {reason: list(biller.entries(reason)) for reason in REASONS}
        fixed = _noted(book, biller.work(), FIRST)
        resent = _noted(book, biller.send_refused_again(RESENT_MOST), AFTER_REFUSAL)
        replaced = _noted(book, biller.replace_denied(REPLACED_MOST), REPLACEMENT)
        voided = biller.void_denied(VOIDED_MOST)
    for claim_id in voided:
        book.sent_again(claim_id, 0, VOID)
    return OfficeHours(
        fixed=len(fixed),
        resent=len(resent),
        replaced=len(replaced),
        voided=len(voided),
        worklist={reason: (len(found), _at_stake(found)) for reason, found in entries.items()},
        held_by=_by_family(entries["held"]),
        released=frozenset(fixed),
    )


def _at_stake(entries: Sequence[Mapping[str, Any]]) -> int:
    return sum(parse_decimal_cents(entry["at_stake"]) for entry in entries)


def _by_family(entries: Sequence[Mapping[str, Any]]) -> dict[str, frozenset[str]]:
    """Every family of checks, also one that held nothing."""
    held: dict[str, set[str]] = {family: set() for family in (*FAMILY_OF.values(), PAYER_RULES)}
    for entry in entries:
        for finding in entry["findings"]:
            if finding["severity"] == "block":
                held[family_of(finding["code"])].add(entry["claim_id"])
    return {family: frozenset(claims) for family, claims in held.items()}


def _noted(book: Daybook, worked: list[Worked], turn: str) -> list[str]:
    """The claims that have gone out."""
    gone = [one for one in worked if one.has_gone_out]
    for one in gone:
        book.sent_again(one.claim_id, parse_decimal_cents(one.charge), turn)
    return [one.claim_id for one in gone]
