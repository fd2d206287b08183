"""The billing office's hours in the demo: what is held, refused or denied is worked over coding's
HTTP API as a biller would, and the book is told what must come of it."""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy.local.stack import Stack
from deploy.twins.biller import Biller, Worked
from deploy.twins.daybook import Daybook
from shared.money import parse_decimal_cents

FIXED_MOST, RESENT_MOST, REPLACED_MOST, VOIDED_MOST = 12, 4, 2, 1
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


def work(stack: Stack, book: Daybook) -> OfficeHours:
    """Corrects some of each: not all, so that the worklist has something to show."""
    service = stack.services["coding"]
    with Biller(str(service.url), stack.folder.api_key.read_text().strip()) as biller:
        worklist = _found(biller)
        fixed = _noted(book, biller.work(FIXED_MOST), FIRST)
        resent = _noted(book, biller.send_refused_again(RESENT_MOST), AFTER_REFUSAL)
        replaced = _noted(book, biller.replace_denied(REPLACED_MOST), REPLACEMENT)
        voided = biller.void_denied(VOIDED_MOST)
    for claim_id in voided:
        book.sent_again(claim_id, 0, VOID)
    return OfficeHours(fixed, resent, replaced, len(voided), worklist)


def _found(biller: Biller) -> dict[str, tuple[int, int]]:
    found = {}
    for reason in REASONS:
        stakes = [parse_decimal_cents(entry["at_stake"]) for entry in biller.entries(reason)]
        found[reason] = (len(stakes), sum(stakes))
    return found


def _noted(book: Daybook, worked: list[Worked], turn: str) -> int:
    gone = [one for one in worked if one.has_gone_out]
    for one in gone:
        book.sent_again(one.claim_id, parse_decimal_cents(one.charge), turn)
    return len(gone)
