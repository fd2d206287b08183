"""Whatever the scenario and the day: every 835 balances, the book is the sum of what was written,
and how time passes makes no difference."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.hospital import Hospital, render_x12
from deploy.twins.payer.cases import ADJUDICATED
from deploy.twins.payer.core import Payer
from deploy.twins.payer.outbox import AnswerFile
from deploy.twins.payer.recoupment import Overpayment, Owing, settle
from deploy.twins.payer.scenario import (
    Bundle,
    Crossovers,
    Delays,
    Delivery,
    Divisions,
    DroppedModifiers,
    Fate,
    Interest,
    Mangling,
    Outcome,
    ProviderAdjustmentRule,
    Recovery,
    Reversals,
    Scenario,
    expected_outcome,
)
from deploy.twins.payer.scenario_file import load_scenario
from shared.contract.claim import Claim
from shared.contract.remittance import RemittanceClaim, RemittanceHeader, RemittanceTrailer
from shared.x12.answers.remittances import read_remittances
from tests.examples import examples

TODAY = date(2026, 11, 20)
START = datetime(2026, 11, 20, 12, tzinfo=UTC)
LAST = START + timedelta(days=500)

percents = st.sampled_from((0, 15, 50, 100))
spans = st.integers(0, 40).map(lambda days: timedelta(days=days))
fates = st.lists(
    st.builds(Fate, st.sampled_from(Outcome), st.integers(1, 5)), min_size=1, max_size=4
).map(tuple)
cents = st.integers(1, 40_000)

scenarios = st.builds(
    Scenario,
    fates=fates,
    agreed_percent=st.tuples(st.integers(0, 50), st.integers(50, 100)),
    prices=st.dictionaries(st.sampled_from(("99213", "80053", "J1885", "0250")), cents),
    denies_duplicates=st.booleans(),
    bundles=st.sampled_from(((), (Bundle(("80053", "36415"), "80050"),))),
    changed_codes=st.sampled_from(({}, {"99214": "99213"})),
    dropped_modifiers=st.builds(DroppedModifiers, st.just(("25",)), percents),
    claim_level_percent=percents,
    control_numbers=st.builds(Mangling, percents),
    delays=st.builds(
        Delays,
        payment=spans,
        pended_percent=percents,
        run_every=st.sampled_from((None, timedelta(days=7))),
    ),
    deliveries=st.dictionaries(
        st.sampled_from(("999", "277ca", "835")), st.builds(Delivery, percents, percents, percents)
    ),
    divisions=st.builds(Divisions, percents, spans),
    reversals=st.builds(Reversals, percents, spans, fates),
    recovery=st.builds(
        Recovery, st.sampled_from(("balance_forward", "overpayment")), st.integers(1, 100)
    ),
    interest=st.builds(Interest, st.integers(0, 20), spans),
    provider_adjustments=st.lists(
        st.builds(
            ProviderAdjustmentRule,
            st.sampled_from(("LE", "CT", "72")),
            st.integers(-50_000, 50_000),
            percents,
        ),
        max_size=2,
    ).map(tuple),
    crossovers=st.builds(Crossovers, percents, after=spans),
)
seeds = st.integers(0, 1000)


class Month:
    """A hospital's claims, then what it does about the answers: replacements and voids of what was
    paid, corrections of what was refused, and every interchange once more."""

    def __init__(self, scenario: Scenario, seed: int, step: timedelta) -> None:
        self.payer = Payer(scenario, seed)
        self.files: list[AnswerFile] = []
        self._step = step
        self._now = START
        self._sent = 0

    def play(self, seed: int, claims: int) -> None:
        made = Hospital(seed, today=TODAY).claims(claims)
        self._send(made)
        self._wait(timedelta(days=20))
        self._send(list(self._changed()))
        self._send([entry.case.claim for entry in self._refused()])
        self._wait(timedelta(days=20))
        self._send(list(self._changed()))
        self._wait(LAST - self._now)

    def _changed(self) -> list[Claim]:
        known = [entry.case for entry in self.payer.book.entries if entry.case.state in ADJUDICATED]
        return [
            case.claim.model_copy(
                update={
                    "frequency": "78"[at % 2],
                    "payer_claim_control_number": case.number,
                    "other_coverages": (),
                }
            )
            for at, case in enumerate(known)
            if at % 3 == 0 and case.claim.payer_sequence == "P"
        ]

    def _refused(self) -> list[Any]:
        return [entry for entry in self.payer.book.entries if entry.case.refusal]

    def _send(self, claims: list[Claim]) -> None:
        for kind in ("professional", "institutional"):
            group = [claim for claim in claims if claim.kind == kind]
            if group:
                self._sent += 1
                content = render_x12(group, TODAY, number=self._sent)
                self.payer.take(content, f"f{self._sent}.837", self._now)

    def _wait(self, span: timedelta) -> None:
        end = self._now + span
        while self._now < end:
            self._now = min(end, self._now + self._step)
            self.files += self.payer.advance(self._now)


def played(scenario: Scenario, seed: int, claims: int = 9, step_days: int = 500) -> Month:
    month = Month(scenario, seed, timedelta(days=step_days))
    month.play(seed, claims)
    return month


@examples(60)
@given(scenarios, seeds)
def test_every_835_balances_and_the_book_is_their_sum(scenario: Scenario, seed: int) -> None:
    month = played(scenario, seed)
    book = month.payer.book
    lost = {one.trace_number for one in book.remittances if one.delivery == "lost"}
    sums: Counter[str] = Counter()
    written: dict[str, int] = {}
    for file in month.files:
        if file.kind != "835" or "-again" in file.name:
            continue
        for part in read_remittances(BytesIO(file.content)):
            assert not part.findings
            if isinstance(part, RemittanceHeader):
                assert part.amount >= 0
                assert part.trace_number not in written, "trace numbers are unique"
                written[part.trace_number or ""] = part.amount
            elif isinstance(part, RemittanceClaim):
                sums["charged"] += part.charge
                sums["paid"] += part.paid
                for one in part.all_adjustments():
                    sums["patient" if one.group == "PR" else "adjusted"] += one.amount
            elif isinstance(part, RemittanceTrailer):
                assert part.balance is not None
                assert part.balance.transaction.balanced
                assert part.balance.claims.failed == part.balance.lines.failed == 0
                sums["provider_adjustments"] += sum(p.amount for p in part.provider_adjustments)
    totals = book.totals()
    assert {one.trace_number: one.amount for one in book.remittances} == written | {
        one.trace_number: one.amount for one in book.remittances if one.trace_number in lost
    }
    assert totals["charged"] == totals["paid"] + totals["adjusted"] + totals["patient"]
    assert totals["transferred"] == totals["paid"] - totals["provider_adjustments"]
    if not lost:
        names = ("charged", "paid", "adjusted", "patient", "provider_adjustments")
        assert {name: totals[name] for name in names} == {name: sums[name] for name in names}


@examples(60)
@given(scenarios, seeds)
def test_of_each_claim_what_is_in_force_is_its_charge_or_nothing(
    scenario: Scenario, seed: int
) -> None:
    for entry in played(scenario, seed).payer.book.entries:
        is_open = entry.case.state in ADJUDICATED and entry.case.claim.frequency != "8"
        assert entry.charged == (entry.case.claim.charge if is_open else 0)
        assert entry.charged == entry.paid + entry.adjusted + entry.patient
        assert entry.paid == entry.case.paid


@examples(25)
@given(scenarios, seeds)
def test_a_month_in_one_step_or_in_many_gives_the_same_files(scenario: Scenario, seed: int) -> None:
    at_once, day_by_day = played(scenario, seed), played(scenario, seed, step_days=1)
    assert at_once.files == day_by_day.files


@examples(25)
@given(scenarios, seeds)
def test_what_was_foretold_is_what_happens(scenario: Scenario, seed: int) -> None:
    payer = Payer(scenario, seed)
    claims = [one for one in Hospital(seed, today=TODAY).claims(12) if one.kind == "professional"]
    payer.take(render_x12(claims, TODAY, number=1), "one.837", START)
    payer.advance(LAST)
    for claim in claims:
        entry = payer.book.entries_of(claim.patient_control_number)[0]
        outcome = expected_outcome(claim.patient_control_number, seed, scenario)
        assert entry.case.plan.outcome is outcome
        never = {Outcome.REFUSED: "refused", Outcome.SILENT: "silent"}
        assert entry.case.state == never.get(outcome, "final")


amounts = st.integers(-100_000, 100_000)
recoveries = st.builds(
    Recovery, st.sampled_from(("balance_forward", "overpayment")), st.integers(1, 100)
)


@given(
    recoveries,
    st.lists(st.tuples(amounts, st.lists(st.integers(1, 50_000), max_size=2)), max_size=8),
)
def test_over_any_chain_of_payments_the_plb_sums_to_what_is_owed(
    recovery: Recovery, payments: list[tuple[int, list[int]]]
) -> None:
    owing, pairs = Owing(), 0
    for at, (amount, taken_back) in enumerate(payments):
        due = amount - sum(taken_back)
        back = tuple(Overpayment(f"C{at}", one) for one in taken_back)
        settled = settle(due, back, owing, recovery, f"T{at}")
        assert settled.amount >= 0
        assert settled.amount == due - sum(pair.amount for pair in settled.adjustments)
        owing = settled.owing
        pairs += sum(pair.amount for pair in settled.adjustments)
        assert owing.forward >= 0
        assert pairs == -owing.total


@pytest.mark.parametrize("how", ["balance_forward", "overpayment"])
def test_what_is_owed_is_paid_back_by_enough_payments(how: Any) -> None:
    owing = settle(-10_000, (Overpayment("C", 10_000),), Owing(), Recovery(how, 10), "T").owing
    assert owing.total == 10_000
    for at in range(10):
        owing = settle(10_000, (), owing, Recovery(how, 10), f"T{at}").owing
    assert owing == Owing()


def test_a_wrong_total_leaves_the_book_as_it_is() -> None:
    wrong = load_scenario("wrong-totals")
    right = replace(wrong, wrong_totals=())
    totals = [played(scenario, 5, claims=60).payer.book.totals() for scenario in (wrong, right)]
    assert totals[0] == totals[1]
