"""The payer as a pure machine: files and times in, answers out. No I/O, no clock.

The same scenario, seed, files and times give the same answers byte for byte, which is how a twin
comes back after a restart: it is told again what it was told before.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from deploy.twins.payer.agenda import Agenda
from deploy.twins.payer.book import Book
from deploy.twins.payer.cases import ADJUDICATED, Case, CaseState, ReplyTo
from deploy.twins.payer.desk import Desk
from deploy.twins.payer.edits import UNKNOWN_PAYER_NUMBER, refusal_of
from deploy.twins.payer.inquiry import status_response
from deploy.twins.payer.outbox import AnswerFile, Outbox
from deploy.twins.payer.reception import Received, ReceivedSet, receive
from deploy.twins.payer.registry import Cases
from deploy.twins.payer.scenario import DEFAULT_SEED, EVERYDAY, Outcome, Scenario
from deploy.twins.payer.status_report import forwarding_report, status_reports
from deploy.twins.payer.syntax import DUPLICATE, group_answer, interchange_answer
from deploy.twins.payer.treasury import Treasury
from shared.contract.claim import Claim

_AGAIN = ("7", "8")


class Payer:
    """One payer, or one clearinghouse that stands before many.

    `take` a file at a time, `advance` to a time: the answers that are due by then come out, each
    once, in order. Times have a zone and never go back. `book` is what it decided and paid so far.
    """

    def __init__(self, scenario: Scenario = EVERYDAY, seed: int = DEFAULT_SEED) -> None:
        self.scenario = scenario
        self.seed = seed
        self.book = Book()
        self._agenda = Agenda(scenario.delays.run_every)
        self._outbox = Outbox(scenario, seed, self._agenda.at)
        self._cases = Cases(scenario, seed, self.book)
        self._desk = Desk(scenario, self._cases, self._agenda)
        self._treasury = Treasury(scenario, seed, self.book, self._cases, self._outbox, self._desk)
        self._interchanges: set[tuple[str, str, str]] = set()

    def take(self, content: bytes, name: str, at: datetime) -> int:
        """Takes one file in; returns how many claims it held. Raises NotAnInterchangeError for what
        nobody can be answered for, and has then not taken it."""
        return self.take_received(receive(content), name, at)

    def take_received(self, received: Received, name: str, at: datetime) -> int:
        """The same for a file that was read already."""
        self._agenda.run(at, self._treasury.pay)
        reply = ReplyTo.of(received, name.rpartition(".")[0] or name)
        header = received.header
        identity = (header.sender, header.receiver, header.control_number)
        note = received.note
        if note == "000" and identity in self._interchanges:
            note = DUPLICATE
            self.book.repeated_interchanges += 1
        if header.wants_ta1 or note != "000":
            self._outbox.write(reply, "ta1", at, [interchange_answer(received, note)])
        if note != "000":
            return 0
        self._interchanges.add(identity)
        self._outbox.write(reply, "999", at, [group_answer(group) for group in received.groups])
        sets = [one for group in received.groups if not group.codes for one in group.sets]
        good = [one for one in sets if not one.faults]
        self.book.rejected_sets += sum(len(group.sets) for group in received.groups) - len(good)
        judged = [(one, [self._accept(claim, reply, at) for claim in one.claims]) for one in good]
        self._acknowledge(reply, [(one, cases) for one, cases in judged if cases], at)
        self._respond(reply, [one for one in good if one.levels], at)
        return sum(len(cases) for _, cases in judged)

    def advance(self, to: datetime) -> list[AnswerFile]:
        """Everything that is due by then and was not given out yet, in order."""
        self._agenda.run(to, self._treasury.pay)
        return self._outbox.given()

    @property
    def next_due(self) -> datetime | None:
        """When something happens next; None where nothing will unless a file comes."""
        return self._agenda.next_due

    def _accept(self, claim: Claim, reply: ReplyTo, at: datetime) -> Case:
        earlier = self._cases.earlier(claim)
        original = self._cases.numbered(claim.payer_claim_control_number)
        refusal = refusal_of(claim, at.date())
        if refusal is None and claim.frequency in _AGAIN and not _may_change(original, claim):
            refusal = UNKNOWN_PAYER_NUMBER
        case = self._cases.open(claim, _turn(claim, earlier), reply, at)
        if refusal or case.plan.outcome is Outcome.REFUSED:
            case.state = CaseState.REFUSED
            case.refusal = refusal or case.plan.refusal
        elif case.plan.outcome is Outcome.SILENT:
            case.state = CaseState.SILENT
        elif claim.frequency in _AGAIN and original is not None:
            self._desk.supersede(original, case, at)
        else:
            is_repeated = any(_is_same(claim, other) for other in earlier)
            self.book.repeated_claims += is_repeated
            is_duplicate = is_repeated and self.scenario.denies_duplicates
            self._desk.decide(case, at, is_duplicate=is_duplicate)
        return case

    def _acknowledge(
        self, reply: ReplyTo, judged: Sequence[tuple[ReceivedSet, list[Case]]], at: datetime
    ) -> None:
        if not judged:
            return
        delays = self.scenario.delays
        if delays.clearinghouse is not None:
            passed_on = [forwarding_report(one, cases, at) for one, cases in judged]
            self._outbox.write(reply, "277ca", at, passed_on, delay=delays.clearinghouse)
        due = at + delays.acceptance
        reports = [report for one, cases in judged for report in status_reports(one, cases, due)]
        if reports:
            self._outbox.write(reply, "277ca", at, reports)

    def _respond(self, reply: ReplyTo, sets: Sequence[ReceivedSet], at: datetime) -> None:
        if not sets:
            return

        def respond(when: datetime) -> None:
            number = reply.control_number
            responses = [
                status_response(one, self._cases.find, when, f"{number}{one.control_number}")
                for one in sets
            ]
            self._outbox.write(reply, "277", when, responses, delay=timedelta())

        self._agenda.at(at + self.scenario.delays.status, respond)


def _turn(claim: Claim, earlier: Sequence[Case]) -> str:
    """Which sending of a claim this is, for the draw: the first is "", and only at the first may a
    claim be refused or forgotten without a script."""
    if claim.frequency in _AGAIN:
        return claim.frequency
    own = "" if claim.payer_sequence == "P" else claim.payer_sequence
    tries = sum(case.state in (CaseState.REFUSED, CaseState.SILENT) for case in earlier)
    return f"{own}{tries + 1}" if tries else own


def _may_change(original: Case | None, claim: Claim) -> bool:
    """Whether a replacement or void may be of this case: the payer's own, and still in force."""
    return (
        original is not None
        and original.state in ADJUDICATED
        and not original.is_superseded
        and original.payer == (claim.payer.identifier or claim.payer.name or "")
        and original.claim.frequency != "8"
    )


def _is_same(claim: Claim, case: Case) -> bool:
    """Whether a claim is one that was adjudicated before: another may have the same number."""
    return (
        claim.frequency == case.claim.frequency
        and case.state in ADJUDICATED
        and claim.charge == case.claim.charge
        and [line.service_from for line in claim.service_lines]
        == [line.service_from for line in case.claim.service_lines]
    )
