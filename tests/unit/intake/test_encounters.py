"""Encounters: charges, registration and ending, in any order, come to one claim, in time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import permutations
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.domain.claiming import Ruling
from services.intake.domain.decide import ClaimState
from services.intake.domain.encounter import Encounter, encounter_id
from services.intake.domain.encounters import decide_due
from services.intake.domain.known import Known, encounter_key
from shared.contract.envelope import Event
from shared.contract.events import ClaimRejected, EncounterOverdue, EncounterRecorded
from tests.hl7_messages import (
    IN1,
    NOW,
    SOURCE,
    Feed,
    charges,
    discharge,
    final,
    findings,
    ft1,
    message,
    pid,
    pv1,
    registration,
    segment,
    types,
)

RECORDED, RECEIVED = "encounter.recorded.v1", "claim.received.v1"


def encounter_of(feed: Feed, account: str = "A1") -> Encounter:
    found = feed.states[encounter_key(encounter_id(SOURCE, account))]
    assert isinstance(found, Encounter)
    return found


def time_passes(feed: Feed, now: datetime, account: str = "A1") -> Ruling:
    """What the watch over encounters would make of one at a time."""
    encounter = encounter_of(feed, account)
    return decide_due(Known(feed.states), encounter, feed.profiles.of(SOURCE), now)


def recorded(event: Event) -> EncounterRecorded:
    assert isinstance(event.data, EncounterRecorded)
    return event.data


# When a claim is made


def test_nothing_is_billed_before_the_final_bill_is_called_for() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1()))
    assert types(feed.events) == [RECORDED, RECORDED]
    assert encounter_of(feed).status == "open"


def test_the_final_bill_makes_one_claim_of_all_charges() -> None:
    feed = Feed()
    feed.send(
        registration(), charges(ft1("T1")), charges(ft1("T2", "93000", "65.00"), control="C2")
    )
    said = feed.send(final())
    assert types(said) == [RECORDED, RECEIVED]
    (claim,) = feed.claims
    assert claim.id == encounter_id(SOURCE, "A1")
    assert (claim.patient_control_number, claim.charge, claim.frequency) == ("A1", 16_500, "1")
    assert [line.charge for line in claim.service_lines] == [10_000, 6_500]
    assert claim.payer.identifier == "ACM01"
    assert claim.subscriber.identifier == "W1"
    assert claim.billing_provider.npi == "1234567893"
    assert claim.medical_record_number == "4711"


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_same_messages_in_any_order_come_to_the_same_claim(order: tuple[int, ...]) -> None:
    """Where the last one makes it complete there is one claim, else the last replacement is it."""
    messages = [
        registration(),
        charges(ft1("T1", "99213")),
        charges(ft1("T2", "93000", "65.00"), control="C2"),
        final(),
    ]
    feed = Feed()
    feed.send(*(messages[at] for at in order))
    last = feed.claims[-1]
    services = {(line.procedure.code, line.charge) for line in last.service_lines if line.procedure}
    assert services == {("99213", 10_000), ("93000", 6_500)}
    assert last.charge == 16_500
    assert last.subscriber.name == "DOE"
    assert len({claim.id for claim in feed.claims}) == 1


def test_a_discharge_ends_an_encounter_at_once_without_a_hold() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1()), discharge())
    (claim,) = feed.claims
    assert claim.charge == 10_000


def test_a_hold_keeps_the_claim_for_so_many_days_after_the_discharge() -> None:
    feed = Feed(hold_days=3, now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    feed.send(registration(), charges(ft1()), discharge(ended="20260302070000"))
    assert feed.claims == []
    ends = datetime(2026, 3, 5, 7, tzinfo=UTC)
    assert encounter_of(feed).due_at == ends
    assert time_passes(feed, ends - timedelta(seconds=1)).events == ()
    (event,) = time_passes(feed, ends).events
    assert event.type == RECEIVED


def test_charges_in_the_hold_are_on_the_claim() -> None:
    feed = Feed(hold_days=3, now=datetime(2026, 3, 2, 9, tzinfo=UTC))
    feed.send(registration(), discharge(), charges(ft1()))
    feed.send(charges(ft1("T2", "93000", "65.00"), control="C2"))
    (event,) = time_passes(feed, datetime(2026, 3, 6, tzinfo=UTC)).events
    data: Any = event.data
    assert data.claim.charge == 16_500


def test_a_discharge_date_beside_charges_ends_nothing_and_in_an_update_it_does() -> None:
    feed = Feed()
    visit = pv1(f45="20260302070000")
    feed.send(registration(), message("DFT^P03", visit, ft1("T1"), control="C1"))
    feed.send(charges(ft1("T2", "93000", "65.00"), control="C2"))
    assert feed.claims == []
    feed.send(message("ADT^A08", visit, control="U1", at="20260302090000"))
    assert [claim.charge for claim in feed.claims] == [16_500]


def test_the_final_bill_does_not_wait_for_the_hold() -> None:
    feed = Feed(hold_days=30)
    feed.send(registration(), charges(ft1()), discharge(), final())
    assert len(feed.claims) == 1


def test_a_profile_may_take_each_batch_of_charges_as_a_final_bill() -> None:
    feed = Feed(completing_events=["DFT^P03"])
    feed.send(message("DFT^P03", pv1(), ft1(), IN1))
    assert len(feed.claims) == 1


# The same again, corrections, credits


def test_the_same_charges_under_another_control_id_say_nothing_new() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1"), ft1("T2")))
    (again,) = feed.send(charges(ft1("T1"), ft1("T2"), control="C9"))
    assert recorded(again).outcome == "unchanged"
    assert recorded(again).charges == 2


def test_two_charges_without_a_transaction_id_are_two_and_their_message_again_adds_none() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1(""), ft1(""), control="C1"))
    feed.send(charges(ft1(""), ft1(""), control="C1"), final())
    (claim,) = feed.claims
    assert claim.charge == 20_000


def test_a_corrected_charge_counts_by_the_time_it_was_made_not_by_its_arrival() -> None:
    feed = Feed()
    feed.send(
        registration(),
        charges(ft1("T1", amount="90.00"), control="C2", at="20260301100000"),
        charges(ft1("T1", amount="9.00"), control="C1", at="20260301090000"),
        final(),
    )
    assert feed.claims[0].charge == 9_000


def test_an_update_that_is_overtaken_does_not_undo_the_newer_one() -> None:
    newer = IN1.replace("W1", "W2")
    feed = Feed()
    feed.send(
        message("ADT^A08", newer, control="U1", at="20260301120000"),
        registration(at="20260301080000"),
        charges(ft1()),
        final(),
    )
    assert feed.claims[0].subscriber.identifier == "W2"


@pytest.mark.parametrize("is_credit_first", [True, False])
def test_a_credit_takes_back_the_charge_with_its_transaction_id(is_credit_first: bool) -> None:
    both = [
        charges(ft1("T2", "93000", "65.00"), control="C2"),
        charges(ft1("T2", "93000", "65.00", kind="CD"), control="C3"),
    ]
    feed = Feed()
    feed.send(registration(), charges(ft1("T1")), *(reversed(both) if is_credit_first else both))
    feed.send(final())
    assert feed.claims[0].charge == 10_000


def test_a_credit_without_a_known_id_takes_back_the_same_service_of_the_same_amount() -> None:
    feed = Feed()
    feed.send(
        registration(),
        charges(ft1("T1"), ft1("T2", "93000", "65.00")),
        charges(ft1("X", "93000", "65.00", kind="CD"), control="C2"),
        final(),
    )
    assert [line.charge for line in feed.claims[0].service_lines] == [10_000]


def test_a_credit_of_some_units_leaves_the_rest() -> None:
    feed = Feed()
    feed.send(
        registration(),
        charges(ft1("T1", "J1885", "60.00", units="3")),
        charges(ft1("X", "J1885", "20.00", units="1", kind="CD"), control="C2"),
        final(),
    )
    (line,) = feed.claims[0].service_lines
    assert (line.charge, line.units) == (4_000, Decimal(2))


def test_a_credit_that_matches_nothing_is_left_out_and_said() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1"), ft1("X", "93000", "65.00", kind="CD")))
    _, event = feed.send(final())
    assert feed.claims[0].charge == 10_000
    assert findings(event) == [("credit-without-charge", "FT1[2]")]


# After the claim


def test_late_charges_make_a_replacement_of_the_same_claim() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1")), final())
    said = feed.send(charges(ft1("T2", "93000", "65.00", day="20260305"), control="C2"))
    assert types(said) == [RECORDED, RECEIVED]
    assert findings(said[0]) == [("late-charges", "FT1")]
    first, second = feed.claims
    assert first.id == second.id
    assert (second.revision, second.frequency, second.charge) == (2, "7", 16_500)
    kept = first.service_lines[0].line_control_number
    assert second.service_lines[0].line_control_number == kept


def test_a_profile_may_only_report_late_charges() -> None:
    feed = Feed(late_charges="report")
    feed.send(registration(), charges(ft1("T1")), final())
    said = feed.send(charges(ft1("T2"), control="C2"))
    assert types(said) == [RECORDED]
    assert findings(said[0]) == [("late-charges", "FT1")]


def test_charges_that_were_all_credited_after_the_claim_make_a_void() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1")), final())
    feed.send(charges(ft1("T1", kind="CD"), control="C2"))
    void = feed.claims[-1]
    assert (void.revision, void.frequency, void.charge) == (2, "8", 10_000)


def test_after_a_void_new_charges_are_billed_as_an_original() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1")), final())
    feed.send(charges(ft1("T1", kind="CD"), control="C2"))
    (again,) = feed.send(charges(ft1("T1", kind="CD"), control="C3", at="20260305080000"))
    assert recorded(again).outcome == "unchanged"
    feed.send(charges(ft1("T2", "93000", "65.00"), control="C4"))
    assert [(one.revision, one.frequency, one.charge) for one in feed.claims] == [
        (1, "1", 10_000),
        (2, "8", 10_000),
        (3, "1", 6_500),
    ]


def test_a_registration_update_after_the_claim_changes_no_sent_claim() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1")), final())
    said = feed.send(message("ADT^A08", IN1.replace("W1", "W2"), control="U", at="20260305080000"))
    assert types(said) == [RECORDED]


def test_an_account_update_after_the_claim_replaces_it_where_it_changes_it() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1("T1")), final())
    same = feed.send(message("BAR^P05", IN1, control="U", at="20260305080000"))
    assert types(same) == [RECORDED]
    said = feed.send(message("BAR^P05", IN1.replace("W1", "W2"), control="V", at="20260306080000"))
    assert types(said) == [RECORDED, RECEIVED]
    assert feed.claims[-1].frequency == "7"


def test_a_claim_that_the_door_refuses_is_tried_again_with_the_next_news() -> None:
    feed = Feed(payers={}, billing_provider={"name": "GENERAL HOSPITAL"})
    without = IN1.replace("PLAN1|ACME|", "||")
    feed.send(message("ADT^A04", without), charges(ft1("T1")))
    _, refused = feed.send(final())
    assert isinstance(refused.data, ClaimRejected)
    assert findings(refused) == [("payer-not-identified", "IN1-3.1")]
    assert encounter_of(feed).status == "complete"
    said = feed.send(message("ADT^A08", IN1, control="U", at="20260305080000"))
    assert types(said) == [RECORDED, RECEIVED]


# Merging


def a40(*, prior_record: str, record: str = "4711", accounts: str = "") -> bytes:
    """`accounts`: PID-18's value and MRG-3's, with a slash between."""
    account, _, prior = accounts.partition("/")
    merged = segment("MRG", {1: f"{prior_record}^^^GH^MR", 3: prior})
    return message("ADT^A40", pid(account, record), merged, control="X1")


def test_a_merge_of_patients_renames_what_is_open() -> None:
    feed = Feed()
    feed.send(registration(), charges(ft1()))
    (said,) = feed.send(a40(prior_record="4711", record="9999"))
    assert recorded(said).outcome == "merged"
    feed.send(final())
    assert feed.claims[0].medical_record_number == "9999"


def test_what_comes_later_under_the_merged_number_gets_the_surviving_one() -> None:
    feed = Feed()
    feed.send(a40(prior_record="4711", record="9999"), registration(), charges(ft1()), final())
    assert feed.claims[0].medical_record_number == "9999"


def test_a_merge_that_is_turned_round_ends_with_the_latest_survivor() -> None:
    feed = Feed()
    feed.send(a40(prior_record="4711", record="9999"), a40(prior_record="9999", record="4711"))
    feed.send(registration(), charges(ft1()), final())
    assert feed.claims[0].medical_record_number == "4711"


def test_a_merge_of_accounts_moves_the_open_charges() -> None:
    feed = Feed()
    feed.send(
        registration(account="A1"),
        charges(ft1("T1"), account="A1"),
        charges(ft1("T2", "93000", "65.00"), control="C2", account="B1"),
        a40(prior_record="0815", accounts="A1/B1"),
        final(account="A1"),
    )
    (claim,) = feed.claims
    assert (claim.patient_control_number, claim.charge) == ("A1", 16_500)
    assert encounter_of(feed, "B1").status == "merged"


def test_charges_for_a_merged_account_go_to_the_surviving_one() -> None:
    feed = Feed()
    feed.send(
        registration(account="A1"),
        a40(prior_record="0815", accounts="A1/B1"),
        charges(ft1("T1"), account="B1"),
        final(account="A1"),
    )
    assert feed.claims[0].patient_control_number == "A1"


def test_what_was_billed_before_a_merge_stays_billed() -> None:
    feed = Feed()
    feed.send(registration(account="B1"), charges(ft1("T1"), account="B1"), final(account="B1"))
    (said,) = feed.send(a40(prior_record="0815", accounts="A1/B1"))
    assert findings(said) == [("encounter-billed-already", "MRG-3")]
    assert len(feed.claims) == 1


# Long after the claim


def forget(feed: Feed, account: str = "A1") -> None:
    """As the purge leaves an encounter that was billed: only its claim knows of it."""
    identity = encounter_id(SOURCE, account)
    del feed.states[encounter_key(identity)]
    claim = feed.states[str(identity)]
    assert isinstance(claim, ClaimState)
    feed.states[str(identity)] = replace(claim, is_encounter_purged=True)


def billed_long_ago(account: str = "A1") -> Feed:
    feed = Feed()
    feed.send(
        registration(account=account),
        charges(ft1("T1"), account=account),
        final(account=account),
    )
    forget(feed, account)
    return feed


def test_charges_for_an_encounter_that_is_not_kept_any_more_are_refused() -> None:
    feed = billed_long_ago()
    (said,) = feed.send(charges(ft1("T2"), control="C2"))
    assert isinstance(said.data, ClaimRejected)
    assert findings(said) == [("encounter-purged", "PID-18")]
    assert len(feed.claims) == 1


def test_news_that_change_no_claim_are_only_said_of_an_encounter_that_is_not_kept() -> None:
    feed = billed_long_ago()
    (said,) = feed.send(discharge())
    assert recorded(said).outcome == "ignored"
    assert findings(said) == [("encounter-purged", "PID-18")]
    assert encounter_key(encounter_id(SOURCE, "A1")) not in feed.states


def test_charges_for_an_account_merged_into_one_that_is_not_kept_are_refused() -> None:
    feed = Feed()
    feed.send(
        registration(account="A1"),
        charges(ft1("T1"), account="A1"),
        a40(prior_record="0815", accounts="A1/B1"),
        final(account="A1"),
    )
    forget(feed)
    (said,) = feed.send(charges(ft1("T2"), control="C2", account="B1"))
    assert findings(said) == [("encounter-purged", "PID-18")]
    assert encounter_of(feed, "B1").status == "merged"


def test_open_charges_are_not_merged_into_an_account_that_is_not_kept() -> None:
    feed = billed_long_ago()
    feed.send(charges(ft1("T2"), control="C2", account="B1"))
    (said,) = feed.send(a40(prior_record="0815", accounts="A1/B1"))
    assert findings(said) == [("encounter-purged", "PID-18")]
    assert [charge.key for charge in encounter_of(feed, "B1").charges] == ["T2"]


def test_a_merge_of_an_account_that_is_not_kept_says_that_it_was_billed() -> None:
    feed = billed_long_ago("B1")
    (said,) = feed.send(a40(prior_record="0815", accounts="A1/B1"))
    assert findings(said) == [("encounter-billed-already", "MRG-3")]
    assert encounter_of(feed, "A1").charges == ()


# What does not come


def test_charges_whose_encounter_never_comes_are_reported_once_after_the_time_out() -> None:
    feed = Feed(overdue_days=3)
    feed.send(charges(ft1("T1"), ft1("X", amount="40.00", kind="CD")))
    due = NOW + timedelta(days=3)
    assert encounter_of(feed).due_at == due
    ruling = time_passes(feed, due)
    (event,) = ruling.events
    assert isinstance(event.data, EncounterOverdue)
    assert event.data.reason == "not_registered"
    assert (event.data.charges, event.data.charge, event.data.due_at) == (2, 6_000, due)
    assert ruling.encounters[0].due_at is None


def test_charges_whose_encounter_is_never_ended_are_reported_after_a_longer_time() -> None:
    feed = Feed(open_days=60)
    feed.send(registration(), charges(ft1()))
    (event,) = time_passes(feed, NOW + timedelta(days=60)).events
    assert isinstance(event.data, EncounterOverdue)
    assert event.data.reason == "not_completed"


def test_a_registration_that_comes_after_the_report_still_makes_the_claim() -> None:
    feed = Feed()
    feed.send(charges(ft1()), final())
    ruling = time_passes(feed, NOW + timedelta(days=5))
    feed.states[encounter_key(ruling.encounters[0].id)] = ruling.encounters[0]
    assert types(feed.send(registration())) == [RECORDED, RECEIVED]


def test_a_registration_without_charges_is_never_due() -> None:
    feed = Feed()
    feed.send(registration(), discharge())
    assert encounter_of(feed).due_at is None


# Laws


@st.composite
def histories(draw: st.DrawFn) -> list[bytes]:
    """An encounter's messages, each charge its own, the ending last."""
    count = draw(st.integers(1, 6))
    said = [
        charges(
            ft1(f"T{at}", draw(st.sampled_from(["99213", "93000", "J1885"])), f"{10 + at}.00"),
            control=f"C{at}",
        )
        for at in range(count)
    ]
    said += draw(st.lists(st.sampled_from(said), max_size=3))
    said.append(registration())
    Random(draw(st.integers(0, 2**32))).shuffle(said)
    return [*said, final()]


@given(histories())
def test_no_charge_is_lost_and_none_counted_twice(history: list[bytes]) -> None:
    feed = Feed()
    feed.send(*history)
    (claim,) = feed.claims
    sent = {one for one in history if b"FT1" in one}
    assert claim.charge == sum(1_000 + 100 * at for at in range(len(sent)))


@given(histories())
def test_the_same_history_again_says_no_claim_again(history: list[bytes]) -> None:
    feed = Feed()
    feed.send(*history)
    feed.send(*history)
    assert len(feed.claims) == 1
