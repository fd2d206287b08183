"""The daybook's arithmetic: whatever order the events come in, and however often."""

from datetime import date
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.twins.daybook import Daybook, claim_id_of
from deploy.twins.hospital import Message, Published, day
from deploy.twins.payer.scenario import Outcome, expected_outcome

SEED = 1
DAY = tuple(day(4, 80, today=date(2026, 11, 20)))
WAYS = {
    "held": ("claim.received.v1", "claim.held.v1"),
    "submitted": ("claim.received.v1", "claim.coded.v1", "claim.submitted.v1"),
    "refused_by_payer": (
        "claim.received.v1",
        "claim.coded.v1",
        "claim.submitted.v1",
        "claim.refused.v1",
    ),
}
for _end in ("paid", "denied"):
    WAYS[_end] = (*WAYS["submitted"], "claim.acknowledged.v1", f"claim.{_end}.v1")

Headers = dict[str, str]


def opened() -> Daybook:
    """The hospital's book when all is published and nothing heard."""
    book = Daybook(SEED)
    for message in DAY:
        book.published(message)
    return book


def events() -> list[Headers]:
    """Everything that a line must say of the day."""
    book = opened()
    said = [
        {"ce_id": f"{claim}/{kind}", "ce_type": kind, "ce_subject": claim}
        for claim, end in book.expected.items()
        for kind in WAYS[end]
    ]
    said += [
        {"ce_id": f"rejected {number}", "ce_type": "message.rejected.v1", "ce_subject": "m"}
        for number in range(book.expected_rejections)
    ]
    said += [
        {"ce_id": f"duplicate {number}", "ce_type": "claim.duplicated.v1", "ce_subject": "c"}
        for number in range(book.expected_duplicates)
    ]
    said.append({"ce_id": "other", "ce_type": "remittance.read.v1", "ce_subject": "r"})
    return said


EVENTS = tuple(events())
randoms = st.randoms(use_true_random=False)


def heard(said: list[Headers]) -> Daybook:
    book = opened()
    for headers in said:
        book.heard(headers)
    return book


def shuffled(random: Random) -> list[Headers]:
    """All events in any order, some of them several times."""
    said = [*EVENTS, *random.choices(EVENTS, k=random.randrange(len(EVENTS)))]
    random.shuffle(said)
    return said


def test_the_day_has_every_end_there_is() -> None:
    assert set(opened().expected.values()) == WAYS.keys()


@given(randoms)
def test_any_order_and_any_repetition_give_the_same_settled_book(random: Random) -> None:
    said = shuffled(random)
    book, in_order = heard(said), heard(list(EVENTS))
    assert book.is_settled
    assert book.problems() == []
    assert book.counts() == in_order.counts()
    assert book.held_cents() == in_order.held_cents()
    assert book.repeated_events == len(said) - len(EVENTS)


@given(randoms)
def test_counts_add_up_at_the_end(random: Random) -> None:
    counts = heard(shuffled(random)).counts()
    records = [record for message in DAY for record in message.records]
    assert counts["published"] == len(records)
    assert counts["published"] == sum(counts[n] for n in ("accepted", "refused", "duplicates"))
    assert counts["accepted"] == counts["held"] + counts["submitted"]
    ends = ("refused_by_payer", "paid", "denied", "awaiting_payer")
    assert counts["submitted"] == sum(counts[end] for end in ends)
    assert counts["paid"] + counts["denied"] <= counts["acknowledged"] <= counts["submitted"]


@given(randoms)
def test_an_event_that_never_came_is_missed(random: Random) -> None:
    """Of every claim the last event matters: what comes before it can be inferred."""
    last = [one for one in EVENTS if one["ce_type"] in ("claim.paid.v1", "claim.held.v1")]
    missing = random.choice(last)
    book = heard([one for one in shuffled(random) if one["ce_id"] != missing["ce_id"]])
    claim = missing["ce_subject"]
    assert not book.is_settled
    assert book.unsettled() == [claim]
    assert any(problem.startswith(f"claim {claim}: ") for problem in book.problems())


@pytest.mark.parametrize("kind", ["message.rejected.v1", "claim.duplicated.v1"])
def test_a_record_that_was_not_answered_is_missed(kind: str) -> None:
    said = list(EVENTS)
    said.remove(next(one for one in said if one["ce_type"] == kind))
    book = heard(said)
    assert not book.is_settled
    assert any("published is " in problem for problem in book.problems())


def test_a_claim_that_ends_otherwise_is_settled_and_told() -> None:
    paid = next(one for one in EVENTS if one["ce_type"] == "claim.paid.v1")
    said = [one | {"ce_type": "claim.denied.v1"} if one is paid else one for one in EVENTS]
    book = heard(said)
    assert book.is_settled
    assert book.problems() == [f"claim {paid['ce_subject']}: denied, must be paid"]


def test_a_claim_that_is_taken_back_is_not_settled_by_a_decision_from_before() -> None:
    book = opened()
    for event in EVENTS:
        book.heard(event)
    claim = next(one for one, end in book.expected.items() if end == "denied")
    book.sent_again(claim, 0, "8")
    for kind in ("claim.denied.v1", "claim.submitted.v1"):
        book.heard({"ce_id": f"later {kind}", "ce_type": kind, "ce_subject": claim})
        assert book.unsettled() == [claim]
    book.heard({"ce_id": "taken back", "ce_type": "claim.reversed.v1", "ce_subject": claim})
    assert book.is_settled
    assert book.problems() == []


def test_a_claim_that_was_never_published_is_told() -> None:
    stranger = {"ce_id": "s", "ce_type": "claim.received.v1", "ce_subject": "stranger"}
    assert "claim stranger: never published" in heard([*EVENTS, stranger]).problems()


def test_money_of_held_claims_is_the_sum_of_their_charges() -> None:
    record = Published("A1", 12_345, "held")
    book = Daybook(SEED)
    book.published(Message("m", "application/json", b"", (record,)))
    assert book.held_cents() == 0
    book.advance(claim_id_of("A1"), "held")
    assert book.held_cents() == 12_345
    assert book.problems() == []


def test_messages_of_an_encounter_are_accounted_for_beside_the_claim_they_come_to() -> None:
    gathered = Published("A1", 0, "gathered")
    whole = Published("A1", 12_345, "held")
    book = Daybook(SEED)
    book.published(Message("m1", "x-application/hl7-v2+er7", b"", (gathered,)))
    book.published(Message("m2", "x-application/hl7-v2+er7", b"", (gathered,), (whole,)))
    subject = claim_id_of("A1")
    said = [
        {"ce_id": str(at), "ce_type": kind, "ce_subject": subject}
        for at, kind in enumerate(
            (
                "encounter.recorded.v1",
                "encounter.recorded.v1",
                "claim.received.v1",
                "claim.held.v1",
            )
        )
    ]
    for headers in said[1:]:
        book.heard(headers)
    assert not book.is_settled, "one message is not answered yet"
    assert any("published is 2" in problem for problem in book.problems())
    book.heard(said[0])
    assert book.is_settled
    assert book.problems() == []
    assert (book.counts()["gathered"], book.counts()["encounters"]) == (2, 1)


@pytest.mark.parametrize(
    ("at_second", "end"), [(Outcome.DENIED, "denied"), (Outcome.REDUCED, "paid")]
)
def test_a_claim_that_its_second_payer_denies_must_end_denied(at_second: Outcome, end: str) -> None:
    book = opened()
    claim = next(
        claim
        for claim, must in book.expected.items()
        if must == "paid" and expected_outcome(book.numbers[claim], SEED, turn="S") is at_second
    )
    second = "claim.denied.v1" if end == "denied" else "claim.paid.v1"
    for number, kind in enumerate((*WAYS["paid"], "claim.secondary-due.v1", second)):
        book.heard({"ce_id": f"{number}", "ce_type": kind, "ce_subject": claim})
    assert (book.states[claim], book.expected[claim]) == (end, end)
    assert claim not in book.unsettled()
