"""The part of a submitted claim that remittance keeps: what it takes to recognize the claim and its
lines on an 835, and what to debit.

It is apart because it is a tolerant reader: of `claim.submitted.v1` it parses these fields and
skips the rest, which is most of the work of reading a claim.
"""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from services.remittance.domain.accounts import BillingProvider, patient_account_id, plain
from services.remittance.domain.ledger import Entry, charge_entry, charge_reversal
from services.remittance.domain.state import LedgerClaim, LedgerLine
from shared.contract.claim import Procedure
from shared.contract.model import Model
from shared.money import Cents

VOID = "8"
SEQUENCES = "PSTABCDEFGH"
"""SBR01: the payers of a claim in the order in which they are asked."""
UNKNOWN_PAYER = "unknown"
_TAX_QUALIFIERS = frozenset({"24", "34", "EI"})
"""NM108 of a provider that is named by its tax id or social security number."""


class SubmittedLine(Model):
    number: int
    procedure: Procedure | None = None
    revenue_code: str | None = None
    charge: Cents
    service_from: date | None = None
    line_control_number: str | None = None


class SubmittedPayer(Model):
    identifier: str | None = None


class SubmittedCoverage(Model):
    """Another payer of the claim. `paid` where it has adjudicated already."""

    sequence: str
    payer: SubmittedPayer
    paid: Cents | None = None


class SubmittedMember(Model):
    identifier: str | None = None


class SubmittedProvider(Model):
    npi: str | None = None
    tax_id: str | None = None
    identifier: str | None = None
    identifier_qualifier: str | None = None


class SubmittedClaim(Model):
    id: UUID
    revision: int = 1
    patient_control_number: str
    charge: Cents
    frequency: str = "1"
    payer: SubmittedPayer
    payer_claim_control_number: str | None = None
    statement_from: date | None = None
    payer_sequence: str = "P"
    source: str = ""
    billing_provider: SubmittedProvider = SubmittedProvider()
    subscriber: SubmittedMember = SubmittedMember()
    other_coverages: tuple[SubmittedCoverage, ...] = ()
    service_lines: tuple[SubmittedLine, ...]

    @property
    def payer_identifier(self) -> str:
        return self.payer.identifier or UNKNOWN_PAYER

    @property
    def billing(self) -> BillingProvider:
        """Who bills, in plain identifiers."""
        named = self.billing_provider
        is_tax_id = named.identifier_qualifier in _TAX_QUALIFIERS
        tax_id = named.tax_id or (named.identifier if is_tax_id else None)
        return BillingProvider(named.npi, plain(tax_id or "") or None, self.source)

    @property
    def owed(self) -> int:
        """Cents to debit: the charge, or nothing where the revision voids the claim."""
        return 0 if self.frequency == VOID else self.charge

    @property
    def next_payers(self) -> tuple[str, ...]:
        """The payers that come after the one it was sent to, in their order."""
        after = SEQUENCES.find(self.payer_sequence)
        later = sorted(
            (SEQUENCES.find(coverage.sequence), coverage.payer.identifier or UNKNOWN_PAYER)
            for coverage in self.other_coverages
            if SEQUENCES.find(coverage.sequence) > after and coverage.paid is None
        )
        return tuple(name for _, name in later)

    @property
    def first_service(self) -> date | None:
        """The first day of service, or of the statement."""
        days = [line.service_from for line in self.service_lines if line.service_from]
        return min(days, default=self.statement_from)


class Submitted(Model):
    """`claim.submitted.v1`, as far as it is read here."""

    claim: SubmittedClaim


def account_for(namesakes: Iterable[LedgerClaim], submitted: SubmittedClaim) -> str:
    """The patient account of a claim that is new: the one in which its provider's claims with this
    number stand, else one of its own. Never one in which a claim of another provider stands, as in
    accounts of the time when all claims with a number had one, or after a corrected NPI."""
    providers: dict[str, set[str]] = {}
    for claim in namesakes:
        providers.setdefault(claim.account_id, set()).add(claim.billing.key)
    own = submitted.billing
    shared = sorted(one for one, keys in providers.items() if keys == {own.key})
    if shared:
        return shared[0]
    made = patient_account_id(submitted.patient_control_number, own)
    if made not in providers:
        return made
    return patient_account_id(submitted.patient_control_number, own, submitted.id)


def register(
    known: LedgerClaim | None,
    submitted: SubmittedClaim,
    now: datetime,
    traceparent: str | None = None,
    *,
    namesakes: Iterable[LedgerClaim] = (),
) -> tuple[LedgerClaim, tuple[Entry, ...]] | None:
    """The claim in the ledger and the entries that put it there; None where it is there already.
    `namesakes` are the claims with its patient control number.

    A new revision takes the earlier charge back and posts its own, so that the receivable is never
    doubled; where neither charge nor payer changed, the earlier entry stands.
    """
    if known is None:
        claim = LedgerClaim(
            id=submitted.id,
            revision=submitted.revision,
            patient_control_number=submitted.patient_control_number,
            account_id=account_for(namesakes, submitted),
            payer_identifier=submitted.payer_identifier,
            charge=0,
            charge_entry=None,
            charge_revision=0,
        )
    elif submitted.revision > known.revision:
        claim = known
    else:
        return None
    if known is not None and submitted.payer_sequence != known.payer_sequence:
        # Sent to a later payer: what it is asked for moved there when the earlier one answered.
        return claim._replace(revision=submitted.revision), ()
    charged, entries = _recharge(claim, submitted, now)
    number = submitted.payer_claim_control_number or claim.payer_claim_control_number
    return (
        charged._replace(
            revision=submitted.revision,
            lines=ledger_lines(submitted),
            payer_claim_control_number=number,
            traceparent=traceparent or charged.traceparent,
            payer_sequence=submitted.payer_sequence,
            billing=submitted.billing,
            next_payers=charged.next_payers if charged.posted else submitted.next_payers,
        ),
        entries,
    )


def _recharge(
    claim: LedgerClaim, submitted: SubmittedClaim, now: datetime
) -> tuple[LedgerClaim, tuple[Entry, ...]]:
    payer, owed = submitted.payer_identifier, submitted.owed
    if claim.charge_revision and (claim.charge, claim.payer_identifier) == (owed, payer):
        return claim, ()
    entries = []
    if claim.charge_entry is not None:
        entries.append(
            charge_reversal(
                claim.id,
                claim.charge_revision,
                claim.payer_identifier,
                claim.charge,
                now,
                reverses=claim.charge_entry,
            )
        )
    charged = charge_entry(claim.id, submitted.revision, payer, owed, now) if owed else None
    if charged is not None:
        entries.append(charged)
    return (
        claim._replace(
            charge=owed,
            payer_identifier=payer,
            charge_entry=charged.id if charged else None,
            charge_revision=submitted.revision,
        ),
        tuple(entries),
    )


def ledger_lines(submitted: SubmittedClaim) -> tuple[LedgerLine, ...]:
    """What of each service line is needed to recognize it on a remittance."""
    return tuple(
        LedgerLine(
            number=line.number,
            control_number=line.line_control_number,
            code=line.procedure.code if line.procedure else line.revenue_code,
            modifiers=line.procedure.modifiers if line.procedure else (),
            on=line.service_from or submitted.statement_from,
            charge=line.charge,
        )
        for line in submitted.service_lines
    )
