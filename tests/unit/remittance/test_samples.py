"""Every 835 that others wrote, posted: to the cent where it balances, waiting where it does not."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import oxedi

from services.remittance.domain.incoming import ClaimRead, Opening
from services.remittance.domain.ledger import AccountKind
from services.remittance.domain.settling import examine
from services.remittance.reading import read_transactions
from shared.contract.remittance import RemittanceProblem


def _bodies(path: Path) -> list[Any]:
    return [
        body
        for body in read_transactions(lambda: path.open("rb"))
        if not isinstance(body, RemittanceProblem)
    ]


def test_postings_are_the_files_own_totals(samples: Path, new_books: Any, make: Any) -> None:
    for path in sorted((samples / "835").iterdir()):
        bodies = _bodies(path)
        books = new_books()
        reads = [body for body in bodies if isinstance(body, ClaimRead)]
        charges: dict[str, int] = {}
        for body in reads:
            number = body.claim.patient_control_number
            charges[number] = charges.get(number, 0) + max(0, body.claim.charge)
        for number, charge in charges.items():
            books.submit(make.claim(number, (charge,)))
        event_id = uuid4()
        for body in bodies:
            books.tell(body, event_id)
        books.check()
        openings = [body for body in bodies if isinstance(body, Opening)]
        accepted = {one.id: one for one in books.remittances if one.status == "accepted"}
        cash = sum(one.amount for one in openings if one.remittance_id in accepted)
        assert books.balance(AccountKind.CASH_CLEARING) == cash, path.name
        of_accepted = [body for body in reads if body.opening.remittance_id in accepted]
        states = {body.place: books.reads[body.place].state for body in of_accepted}
        posted = [body.claim for body in of_accepted if states[body.place] == "posted"]
        assert sum(claim.paid for claim in books.claims.values()) == sum(
            claim.paid for claim in posted
        ), path.name
        for body in of_accepted:
            is_wrong = bool(examine(body.claim)[1])
            assert (states[body.place] == "quarantined") is is_wrong, path.name


def test_oxedi_sees_the_same_payments(samples: Path) -> None:
    judged = 0
    for path in sorted((samples / "835").iterdir()):
        content = path.read_bytes()
        if not content.lstrip().startswith(b"ISA"):
            continue  # oxedi takes whole interchanges only
        theirs = oxedi.parse(content).sum_payments()
        ours = sum(body.amount for body in _bodies(path) if isinstance(body, Opening))
        assert int(theirs * 100) == ours, path.name
        judged += 1
    assert judged >= 15
