"""What we write is what we read: for every kind of answer, every value, every set of separators."""

from dataclasses import replace
from io import BytesIO

from hypothesis import given
from hypothesis import strategies as st

from shared.contract.acknowledgement import (
    AnswerEnvelope,
    GroupAnswer,
    InterchangeAnswer,
    StatusHeader,
    StatusLevel,
    StatusTrailer,
)
from shared.contract.remittance import (
    ProviderAdjustment,
    RemittanceClaim,
    RemittanceHeader,
    RemittanceTrailer,
)
from shared.x12.answers import (
    read_acknowledgements,
    read_remittances,
    transaction_of,
    write_group_answers,
    write_interchange_answers,
    write_remittances,
    write_status_reports,
)
from shared.x12.interchange import InterchangeEnvelope
from tests.examples import examples
from tests.unit.x12.answers import strategies as some

_KINDS = {"277CA": "277", "277": "277", "276": "276"}
_GUIDES = {"277CA": "005010X214", "277": "005010X212", "276": "005010X212"}


def _stood_in(
    envelope: InterchangeEnvelope, group: int, transaction: str | None, version: str | None
) -> AnswerEnvelope:
    is_set = transaction is not None
    return AnswerEnvelope(
        interchange_control_number=f"{envelope.control_number:09d}",
        group_control_number=str((envelope.control_number + group - 1) % 999_999_999 + 1)
        if is_set
        else None,
        transaction_control_number=transaction,
        sender=envelope.sender,
        receiver=envelope.receiver,
        version=version,
    )


@examples(60)
@given(
    some.envelopes(),
    st.lists(
        st.tuples(some.remittance_headers, some.claims_of_a_set(), some.provider_adjustments),
        min_size=1,
        max_size=2,
    ),
)
def test_remittances_read_back_as_they_were(
    envelope: InterchangeEnvelope,
    remittances: list[
        tuple[RemittanceHeader, list[RemittanceClaim], tuple[ProviderAdjustment, ...]]
    ],
) -> None:
    out = BytesIO()
    write_remittances(out, envelope, remittances)
    assert transaction_of(out.getvalue()[:300]) == "835"
    parts = list(read_remittances(BytesIO(out.getvalue())))
    expected: list[object] = []
    for position, (header, claims, adjustments) in enumerate(remittances):
        expected.append(
            replace(
                header,
                interchange_control_number=f"{envelope.control_number:09d}",
                group_control_number=str(envelope.control_number),
                sender=envelope.sender,
                receiver=envelope.receiver,
                version="005010X221A1",
                position=position,
            )
        )
        expected.extend(claims)
        trailer = parts[len(expected)]
        assert isinstance(trailer, RemittanceTrailer)
        assert trailer.provider_adjustments == adjustments
        assert (trailer.claims, trailer.findings) == (len(claims), ())
        assert trailer.paid == sum(claim.paid for claim in claims)
        expected.append(trailer)
    assert parts == expected


@examples(60)
@given(some.envelopes(), st.lists(some.interchange_answers, min_size=1, max_size=3))
def test_interchange_answers_read_back_as_they_were(
    envelope: InterchangeEnvelope, answers: list[InterchangeAnswer]
) -> None:
    out = BytesIO()
    write_interchange_answers(out, envelope, answers)
    assert transaction_of(out.getvalue()) == "TA1"
    stood_in = _stood_in(envelope, 0, None, None)
    expected = [replace(answer, envelope=stood_in) for answer in answers]
    assert list(read_acknowledgements(BytesIO(out.getvalue()))) == expected


@examples(60)
@given(some.envelopes(), st.lists(some.group_answers, min_size=1, max_size=3))
def test_group_answers_read_back_as_they_were(
    envelope: InterchangeEnvelope, answers: list[GroupAnswer]
) -> None:
    out = BytesIO()
    write_group_answers(out, envelope, answers)
    expected, group, number, kind = [], -1, 0, ""
    for answer in answers:
        is_next_group = answer.transaction != kind
        group, number, kind = (
            (group + 1, 1, answer.transaction) if is_next_group else (group, number + 1, kind)
        )
        version = "005010X231A1" if kind == "999" else "005010"
        stood_in = _stood_in(envelope, group, f"{number:04d}", version)
        expected.append(replace(answer, envelope=stood_in))
    assert list(read_acknowledgements(BytesIO(out.getvalue()))) == expected


@examples(60)
@given(
    some.envelopes(),
    st.lists(st.tuples(some.status_headers, some.level_trees()), min_size=1, max_size=2),
)
def test_status_reports_read_back_as_they_were(
    envelope: InterchangeEnvelope, reports: list[tuple[StatusHeader, list[StatusLevel]]]
) -> None:
    out = BytesIO()
    write_status_reports(out, envelope, reports)
    assert transaction_of(out.getvalue()) == _KINDS[reports[0][0].transaction]
    expected: list[object] = []
    group, number, kind = -1, 0, ""
    for header, levels in reports:
        is_next_group = header.transaction != kind
        group, number, kind = (
            (group + 1, 1, header.transaction) if is_next_group else (group, number + 1, kind)
        )
        stood_in = _stood_in(envelope, group, f"{number:04d}", _GUIDES[kind])
        expected.append(replace(header, envelope=stood_in))
        expected.extend(levels)
        expected.append(StatusTrailer(len(levels)))
    assert list(read_acknowledgements(BytesIO(out.getvalue()))) == expected
