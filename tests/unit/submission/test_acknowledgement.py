"""Which claims an answer is about, and what it does to them."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest

from services.submission.domain.acknowledgement import (
    Evidence,
    Scope,
    accepted_sets,
    answered_control_number,
    claim_event,
    happening_of,
    moved,
    refused_scope,
    relate,
)
from services.submission.domain.changes import ClaimRecord, Submission
from services.submission.domain.moving import Moves
from services.submission.domain.status import Happening, Status
from shared.contract.events import (
    AcknowledgementRead,
    ClaimAcknowledged,
    ClaimAnswer,
    ClaimRefused,
    TransactionAnswer,
)

MakeSubmission = Callable[..., Submission]


def _answer(outcome: str = "acknowledged", **fields: object) -> ClaimAnswer:
    values = {"patient_control_number": "PCN00001", "outcome": outcome, "status_codes": ("A2:20",)}
    return ClaimAnswer.model_validate(values | fields)


def _999(outcome: str, *sets: tuple[str, str]) -> AcknowledgementRead:
    return AcknowledgementRead.model_validate(
        {
            "transaction": "999",
            "outcome": outcome,
            "group_control_number": "7",
            "transactions": [
                {"transaction_control_number": number, "outcome": verdict}
                for number, verdict in sets
            ],
        }
    )


@pytest.mark.parametrize(
    ("answer", "happening"),
    [
        (_answer(stage="payer"), Happening.ACKNOWLEDGE),
        (_answer(stage="clearinghouse"), Happening.FORWARD),
        (_answer(), Happening.FORWARD),
        (_answer("refused"), Happening.REFUSE),
        (_answer("pending"), Happening.ACKNOWLEDGE),
        (_answer("finalized"), Happening.ACKNOWLEDGE),
        (_answer("not_found"), None),
        (_answer("unknown"), None),
    ],
)
def test_each_outcome_does_one_thing(answer: ClaimAnswer, happening: Happening | None) -> None:
    assert happening_of(answer) is happening


def test_an_answer_is_about_the_claim_with_its_number(submission: MakeSubmission) -> None:
    assert relate(_answer(), [submission()], 7) == ("claim", submission())


def test_an_answer_to_nothing_of_ours_relates_to_nothing() -> None:
    assert relate(_answer(), [], 7) == ("nothing", None)


def test_a_claim_that_was_never_sent_is_not_answered(submission: MakeSubmission) -> None:
    assert relate(_answer(), [submission(status=Status.PENDING)], None) == ("nothing", None)


def test_the_batch_tells_two_claims_with_one_number_apart(submission: MakeSubmission) -> None:
    other = submission(2, control_number=8)
    assert relate(_answer(), [submission(), other], 8) == ("claim", other)


def test_the_charge_tells_two_claims_with_one_number_apart(submission: MakeSubmission) -> None:
    other = submission(2, charge_cents=1)
    assert relate(_answer(charge="0.01"), [submission(), other], 7) == ("claim", other)


def test_an_answer_that_fits_two_claims_moves_neither(submission: MakeSubmission) -> None:
    assert relate(_answer(), [submission(1), submission(2)], 7) == ("several", None)


def test_the_newest_revision_is_meant(submission: MakeSubmission) -> None:
    newest = submission(revision=2, control_number=9)
    assert relate(_answer(), [submission(), newest], None) == ("claim", newest)


def test_an_answer_to_an_older_revision_finds_it_by_its_batch(submission: MakeSubmission) -> None:
    newest = submission(revision=2, control_number=9)
    assert relate(_answer(), [submission(), newest], 7) == ("claim", submission())


@pytest.mark.parametrize("transaction", ["TA1", "999"])
def test_a_rejected_interchange_refuses_everything_in_it(transaction: str) -> None:
    read = AcknowledgementRead.model_validate({"transaction": transaction, "outcome": "rejected"})
    assert refused_scope(read) == Scope(everything=True)
    assert accepted_sets(read) == ()


def test_a_partial_999_touches_only_the_sets_it_lists() -> None:
    read = _999("partially_accepted", ("0001", "accepted"), ("0002", "rejected"))
    assert refused_scope(read) == Scope(sets=("0002",))
    assert accepted_sets(read) == ("0001",)


def test_an_accepting_999_accepts_all() -> None:
    assert accepted_sets(_999("accepted")) is None
    assert accepted_sets(_999("accepted_with_errors", ("0001", "accepted_with_errors"))) is None


def test_a_ta1_accepts_no_set() -> None:
    read = AcknowledgementRead.model_validate({"transaction": "TA1", "outcome": "accepted"})
    assert accepted_sets(read) == ()
    assert not refused_scope(read)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("interchange_control_number", "000000007"),
        ("group_control_number", "7"),
        ("batch_reference", "0000000070001"),
        ("batch_reference", "7"),
    ],
)
def test_the_interchange_is_named_by_whichever_number_the_answer_has(field: str, text: str) -> None:
    read = AcknowledgementRead.model_validate(
        {"transaction": "277CA", "outcome": "accepted", field: text}
    )
    assert answered_control_number(read) == 7


@pytest.mark.parametrize(
    ("reference", "scope"),
    [
        ("0000000070002", Scope(sets=("0002",))),
        ("000000007", Scope(everything=True)),
        (None, Scope(everything=True)),
    ],
)
def test_a_refused_batch_refuses_the_set_it_names(reference: str | None, scope: Scope) -> None:
    read = AcknowledgementRead(
        transaction="277CA", outcome="rejected", batch_reference=reference, refuses_batch=True
    )
    assert refused_scope(read) == scope


def test_a_refusal_says_the_payers_reasons(submission: MakeSubmission, now: datetime) -> None:
    after = moved(submission(), Happening.REFUSE)
    assert after is not None
    evidence = Evidence(UUID(int=5), "277CA", "7", now)
    answer = _answer(outcome="refused", status_codes=("A7:562:85",), path="HL[4]/2200D")
    event = claim_event(after, evidence, answer=answer)
    assert isinstance(event.data, ClaimRefused)
    assert event.data.evidence.status_codes == ("A7:562:85",)
    assert event.data.evidence.path == "HL[4]/2200D"
    assert event.data.evidence.message_id == UUID(int=5)
    assert event.data.findings
    assert event.causation_id == UUID(int=5)


def test_a_copy_of_an_answer_gives_the_same_event_id(
    submission: MakeSubmission, now: datetime
) -> None:
    after = moved(submission(), Happening.ACKNOWLEDGE)
    assert after is not None
    first = claim_event(after, Evidence(UUID(int=5), "277CA", "7", now))
    copy = claim_event(after, Evidence(UUID(int=6), "277CA", "7", now))
    assert first.id == copy.id
    assert isinstance(first.data, ClaimAcknowledged)


def test_the_second_answer_of_a_file_sees_what_the_first_did(
    submission: MakeSubmission, now: datetime
) -> None:
    record = ClaimRecord({submission().leg: submission()})
    moves = Moves(lambda _: record, Evidence(UUID(int=5), "277CA", "7", now))
    for _ in range(2):
        (standing,) = moves.legs([UUID(int=1)])
        moves.move(standing, Happening.ACKNOWLEDGE, _answer(stage="payer"))
    assert len(moves.events) == len(moves.rows) == 1


def test_the_reasons_of_a_rejected_set_go_to_its_claims_only(submission: MakeSubmission) -> None:
    from services.submission.domain.acknowledgement import findings_for
    from shared.contract.model import Finding

    finding = Finding(code="999-ik5-5", message="A segment is in error.")
    read = AcknowledgementRead(
        transaction="999",
        outcome="partially_accepted",
        transactions=(
            TransactionAnswer(
                transaction_control_number="0001", outcome="rejected", findings=(finding,)
            ),
        ),
    )
    assert findings_for(read, submission()) == (finding,)
    assert findings_for(read, submission(transaction_control_number="0002")) == ()
