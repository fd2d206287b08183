"""Canonical claims to an 837 and back: the identity, for whatever the tables place."""

import io
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from shared.contract.claim import Claim, ClaimKind
from shared.contract.model import to_wire
from shared.x12.claims.checking import writers_of
from shared.x12.claims.reading import TABLES, ReadClaim, read_claims
from shared.x12.claims.writing import (
    InterchangeEnvelope,
    check_writable,
    write_interchange,
)
from shared.x12.inspection import inspect
from shared.x12.tokenizer import Separators
from tests.examples import examples
from tests.strategies import SOURCE, claims

KINDS: tuple[ClaimKind, ...] = ("professional", "institutional", "dental")
SEPARATORS = (
    Separators(),
    Separators("|", ">", "\n", "^"),
    Separators("*", "<", "!", "{"),
    Separators("+", ":", "'", "^"),
)


def envelope(separators: Separators = SEPARATORS[0]) -> InterchangeEnvelope:
    return InterchangeEnvelope(
        sender="SENDER",
        receiver="RECEIVER",
        control_number=7,
        created_at=datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        separators=separators,
        claims_per_set=3,
    )


def written_and_read(many: list[Claim], separators: Separators = SEPARATORS[0]) -> list[ReadClaim]:
    out = io.BytesIO()
    write_interchange(many, envelope(separators), out)
    out.seek(0)
    found = list(read_claims(out, source=SOURCE))
    assert all(isinstance(part, ReadClaim) for part in found)
    return [part for part in found if isinstance(part, ReadClaim)]


@examples(60)
@given(st.sampled_from(KINDS).flatmap(claims))
def test_one_claim_comes_back_equal_and_without_findings(claim: Claim) -> None:
    (found,) = written_and_read([claim])
    assert found.findings == ()
    assert found.claim == claim


@examples(15)
@given(
    st.lists(st.sampled_from(KINDS).flatmap(claims), min_size=1, max_size=6),
    st.sampled_from(SEPARATORS[:3]),
)
def test_a_mixed_batch_comes_back_in_order_with_any_separators(
    many: list[Claim], separators: Separators
) -> None:
    plain = [
        claim
        for claim in many
        if not any(f.severity != "inform" for f in check_writable(claim, separators))
    ]
    assert [found.claim for found in written_and_read(plain, separators)] == plain


@examples(15)
@given(st.lists(claims("professional"), min_size=2, max_size=4), st.integers(2, 4))
def test_claims_that_share_their_context_share_levels_and_come_back_equal(
    many: list[Claim], copies: int
) -> None:
    first = many[0]
    shared = {
        name: getattr(first, name)
        for name in (
            "billing_provider",
            "pay_to_provider",
            "pay_to_plan",
            "currency",
            "subscriber",
            "payer",
            "payer_sequence",
            "filing_indicator",
            "patient",
            "patient_relationship",
            "submitter",
            "receiver",
            "submission_kind",
        )
    }
    alike = [claim.model_copy(update=shared) for claim in many] * copies
    out = io.BytesIO()
    one_set = envelope()
    write_interchange(alike, one_set, out)
    levels = out.getvalue().decode().split("~").count("HL*1**20*1")
    assert levels == -(-len(alike) // one_set.claims_per_set)
    assert [found.claim for found in written_and_read(alike)] == alike


@examples(20)
@given(st.sampled_from(KINDS).flatmap(claims))
def test_what_was_read_is_a_whole_model(claim: Claim) -> None:
    """Reading builds models without asking pydantic: they must be what pydantic would make."""
    (found,) = written_and_read([claim])
    assert found.claim is not None
    assert Claim.model_validate(found.claim.model_dump()) == found.claim
    assert to_wire(found.claim) == to_wire(claim)
    assert Claim.model_validate_json(to_wire(found.claim)) == claim
    assert found.claim.model_copy(update={"revision": 2}).revision == 2


@examples(30)
@given(st.sampled_from(KINDS).flatmap(claims))
def test_claims_made_from_the_table_are_writable(claim: Claim) -> None:
    assert [finding for finding in check_writable(claim) if finding.severity == "block"] == []


@examples(30)
@given(
    st.sampled_from(KINDS).flatmap(claims),
    st.sampled_from(["", "*", "é", "李", "x" * 90]),
    st.sampled_from(["patient_control_number", "facility_code", "prior_authorization"]),
)
def test_the_quick_check_passes_nothing_that_the_careful_one_finds(
    claim: Claim, oddity: str, field: str
) -> None:
    odd = claim.model_copy(update={field: f"A{oddity}"})
    writers = writers_of(TABLES[odd.kind])
    levels = (writers.root, writers.provider, writers.subscriber, writers.claim)
    careful = [found for w in levels for found in inspect(w, odd, SEPARATORS[0])]
    assert bool(check_writable(odd)) or careful == []
