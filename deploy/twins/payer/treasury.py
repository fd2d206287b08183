"""The payer's payments: what is payable at one time becomes an 835 for each payer and payee, in one
interchange for each trading partner, and every amount of it is entered in the book.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from deploy.twins.payer.book import Book, RemittanceEntry
from deploy.twins.payer.cases import CaseState, ReplyTo, by_key
from deploy.twins.payer.desk import Desk
from deploy.twins.payer.outbox import Outbox
from deploy.twins.payer.payment import Payable, pay
from deploy.twins.payer.recoupment import Owing
from deploy.twins.payer.registry import Cases
from deploy.twins.payer.scenario import Scenario
from deploy.twins.payer.telling import reversal_of
from shared.x12.answers.writing import Remittance


class Treasury:
    """Pays what is payable, and keeps the book."""

    def __init__(
        self,
        scenario: Scenario,
        seed: int,
        book: Book,
        cases: Cases,
        outbox: Outbox,
        desk: Desk,
    ) -> None:
        self._scenario = scenario
        self._seed = seed
        self._book = book
        self._cases = cases
        self._outbox = outbox
        self._desk = desk

    def pay(self, payables: Sequence[Payable], at: datetime) -> None:
        """All that is payable at one time."""
        for _, rows in by_key(payables, self._together):
            reply = rows[0].case.reply
            if any(row.case.reply != reply for row in rows):
                reply = replace(reply, stem=f"run-{at:%Y%m%d%H%M%S}")
            groups = by_key(rows, lambda row: f"{row.case.payer}\x1f{row.case.payee}")
            self._pay_partner(reply, [group for _, group in groups], at)

    def _together(self, row: Payable) -> str:
        """What goes into one interchange: a run pays a partner's claims of all its files."""
        reply = row.case.reply
        is_run = self._scenario.delays.run_every is not None
        return "\x1f".join(reply.ends if is_run else (*reply.ends, reply.stem))

    def _pay_partner(
        self, reply: ReplyTo, groups: Sequence[Sequence[Payable]], at: datetime
    ) -> None:
        entries: list[RemittanceEntry] = []
        remittances: list[Remittance] = []
        for rows in groups:
            for row in rows:
                row.reversals = (
                    [reversal_of(one) for one in row.owner.in_force] if row.owner else []
                )
            live = [row for row in rows if row.reversals or row.decisions]
            if live:
                entry, remittance = self._pay_payee(live, at)
                entries.append(entry)
                remittances.append(remittance)
        if not remittances:
            return
        name, delivery = self._outbox.write(reply, "835", at, remittances)
        self._book.remittances += [
            replace(entry, file=name, delivery=delivery) for entry in entries
        ]

    def _pay_payee(
        self, rows: Sequence[Payable], at: datetime
    ) -> tuple[RemittanceEntry, Remittance]:
        book = self._book
        book.payments += 1
        pair = rows[0].case.payer, rows[0].case.payee
        owing = book.owing.get(pair, Owing())
        paid = pay(rows, owing, self._scenario, self._seed, number=book.payments, at=at)
        book.owing[pair] = paid.owing
        for row, interest in zip(rows, paid.interest, strict=True):
            row.case.interest += interest
            self._enter(row, paid.entry.trace_number, at)
        return paid.entry, paid.remittance

    def _enter(self, row: Payable, trace_number: str, at: datetime) -> None:
        """Notes in case and book what an 835 said of it."""
        case, owner = row.case, row.owner
        if owner is not None:
            owner.in_force.clear()
            self._cases.enter(owner, row.reversals)
            if owner is not case:
                is_void = case.claim.frequency == "8"
                owner.state = CaseState.VOIDED if is_void else CaseState.REPLACED
                owner.traces.append(trace_number)
        case.in_force += row.decisions
        self._cases.enter(case, row.decisions)
        case.traces.append(trace_number)
        case.paid_at = at
        if row.is_last:
            case.state = CaseState.FINAL
            self._desk.settled(row, at)
