"""What a sender of X12 is answered: read back with the reader that reads payers' answers, and by an
independent judge."""

from datetime import UTC, date, datetime
from io import BytesIO
from uuid import UUID

import pytest

from deploy.twins.hospital import Hospital, render_x12
from services.intake.domain.arrival import Arrival, Unreadable
from services.intake.domain.message import Delivery, read_delivery
from shared.contract.acknowledgement import GroupAnswer, InterchangeAnswer
from shared.contract.claim import Claim
from shared.x12.answers.acknowledgements import read_acknowledgements

NOW = datetime(2026, 1, 5, 12, 30, tzinfo=UTC)
DELIVERY = UUID(int=7)


def professional(count: int) -> list[Claim]:
    hospital = Hospital(7, today=date(2026, 1, 5))
    return [one for one in hospital.claims(3 * count) if one.kind == "professional"][:count]


def interchange(*claims: Claim, number: int = 41) -> str:
    return render_x12(claims, date(2026, 1, 5), number=number).decode()


def arrivals(text: str) -> list[Arrival]:
    return list(read_delivery(Delivery("general", lambda: BytesIO(text.encode()))))


def answered(text: str) -> list[tuple[str, bytes]]:
    *before, last = arrivals(text)
    assert all(one.acknowledgement is None for one in before)
    assert last.acknowledgement is not None
    return list(last.acknowledgement.written(DELIVERY, NOW))


def group_answer(text: str) -> GroupAnswer:
    (_, content), *_ = [one for one in answered(text) if one[0] == "999"]
    (answer,) = read_acknowledgements(BytesIO(content))
    assert isinstance(answer, GroupAnswer)
    assert answer.findings == ()
    return answer


def test_a_clean_interchange_is_accepted_and_the_answer_goes_back_to_its_sender() -> None:
    answer = group_answer(interchange(*professional(2)))
    assert (answer.transaction, answer.outcome) == ("999", "A")
    assert (answer.functional_group, answer.group_control_number) == ("HC", "41")
    assert (answer.included, answer.received, answer.accepted) == (1, 1, 1)
    (one,) = answer.sets
    assert (one.control_number, one.outcome, one.version) == ("0001", "A", "005010X222A1")
    assert (answer.envelope.sender, answer.envelope.receiver) == ("CLAIMWIRE", "GENHOSP")


def test_a_set_with_one_bad_claim_is_accepted_with_errors_that_name_claim_and_segment() -> None:
    good, bad = professional(2)
    number = bad.patient_control_number
    text = interchange(good, bad).replace(f"CLM*{number}*{bad.charge / 100:g}*", f"CLM*{number}*x*")
    assert "*x*" in text
    answer = group_answer(text)
    (one,) = answer.sets
    assert (answer.outcome, one.outcome, one.codes) == ("E", "E", ("5",))
    (error,) = one.segment_errors
    segments = text[: text.index("*x*")].split("~")
    position = len(segments) - next(
        i for i, one in enumerate(segments) if one.strip().startswith("ST*")
    )
    assert (error.segment, error.position, error.loop) == ("CLM", position, "2300")
    assert [(element.position, element.code) for element in error.elements] == [(2, "7")]
    assert [(context.name, context.value) for context in error.contexts] == [("CLM01", number)]


def test_a_set_of_an_older_version_is_rejected_as_a_whole() -> None:
    text = interchange(*professional(1)).replace("005010X222A1", "004010X098A1")
    answer = group_answer(text)
    (one,) = answer.sets
    assert (answer.outcome, answer.accepted, one.outcome, one.codes) == ("R", 0, "R", ("1",))


def test_a_set_that_breaks_off_says_so() -> None:
    text = interchange(*professional(1))
    answer = group_answer(text[: text.index("SE*")])
    assert "2" in answer.sets[0].codes


def test_counts_that_are_wrong_are_named_and_the_claims_stand() -> None:
    text = interchange(*professional(1)).replace("GE*1*41", "GE*2*41").replace("SE*", "SE*9")
    answer = group_answer(text)
    assert (answer.outcome, answer.codes) == ("E", ("5",))
    assert (answer.sets[0].outcome, answer.sets[0].codes) == ("E", ("4",))


@pytest.mark.parametrize(("wrong", "outcome", "note"), [(False, "A", "000"), (True, "E", "021")])
def test_a_ta1_comes_where_the_sender_asks_for_it(wrong: bool, outcome: str, note: str) -> None:
    text = interchange(*professional(1))
    assert [kind for kind, _ in answered(text)] == ["999"]
    asked = text[:106].replace("*000000041*0*", "*000000041*1*") + text[106:]
    if wrong:
        asked = asked.replace("IEA*1*", "IEA*2*")
    (kind, content), (other, _) = answered(asked)
    assert (kind, other) == ("TA1", "999")
    (answer,) = read_acknowledgements(BytesIO(content))
    assert isinstance(answer, InterchangeAnswer)
    assert answer.interchange_control_number == "000000041"
    assert (answer.outcome, answer.note) == (outcome, note)


@pytest.mark.parametrize("asks", [False, True])
def test_an_interchange_without_a_set_has_its_ta1_where_it_asks_for_one(asks: bool) -> None:
    whole = interchange(*professional(1))
    head = whole[:106].replace("*000000041*0*", f"*000000041*{asks:d}*")
    empty = f"{head}IEA*0*000000041~"
    (arrival,) = arrivals(empty)
    assert isinstance(arrival.outcome, Unreadable)
    assert [finding.code for finding in arrival.outcome.findings] == ["message-empty"]
    assert [kind for kind, _ in answered(empty)] == ["TA1"] * asks
    assert [kind for kind, _ in answered(empty + whole)] == [*["TA1"] * asks, "999"]
    for _, content in answered(empty):
        (answer,) = read_acknowledgements(BytesIO(content))
        assert isinstance(answer, InterchangeAnswer)
        assert (answer.outcome, answer.note) == ("A", "000")


def test_each_interchange_of_a_file_has_its_own_answer() -> None:
    first, second = professional(2)
    text = interchange(first, number=41) + interchange(second, number=42)
    numbers = []
    for _, content in answered(text):
        (answer,) = read_acknowledgements(BytesIO(content))
        assert isinstance(answer, GroupAnswer)
        numbers.append(answer.group_control_number)
    assert numbers == ["41", "42"]


def test_the_same_delivery_is_answered_under_the_same_control_number() -> None:
    text = interchange(*professional(1))
    assert answered(text) == answered(text)


def test_what_has_no_envelope_is_not_answered() -> None:
    text = interchange(*professional(1))
    assert answered(text[text.index("ST*") : text.index("GE*")]) == []


def test_errors_are_told_up_to_a_bound() -> None:
    claims = professional(60)
    text = interchange(*claims)
    for claim in claims:
        number = claim.patient_control_number
        text = text.replace(f"CLM*{number}*{claim.charge / 100:g}*", f"CLM*{number}*x*")
    (one,) = group_answer(text).sets
    assert (one.outcome, len(one.segment_errors)) == ("R", 50)
