"""What an 835 says, as values: the payment, each claim with its lines and adjustments, and the
provider adjustments at the end.

It is apart from the events because these values never travel: an 835 is read claim by claim, each
is decided on, and only the decision is published. So they are plain frozen dataclasses (without
slots: the X12 tables read and write them through their `__dict__`), cheap to make by the ten
thousand, and they hold whatever the payer wrote, odd or not; the findings say what was odd. Amounts
are integer cents. Values that name a patient have no repr, so none can be logged.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from shared.contract.claim import Address, Contact, Procedure
from shared.contract.events import RemittanceBalance
from shared.contract.model import Finding


@dataclass(frozen=True)
class RemittanceAdjustment:
    """One CAS triplet. `amount` in cents; positive lowers the payment."""

    group: str = ""
    """CO, PR, OA, PI (CR before 5010); whatever else a payer wrote is kept and found fault with."""
    reason: str = ""
    amount: int = 0
    quantity: Decimal | None = None


@dataclass(frozen=True, repr=False)
class RemittanceReference:
    """REF, or LQ with a list that has no field of its own. A patient's record number may be one."""

    qualifier: str = ""
    value: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class RemittanceDate:
    """A DTM with no field of its own."""

    qualifier: str = ""
    on: date = date.min


@dataclass(frozen=True)
class RemittanceAmount:
    """An AMT: AU coverage, I interest, F5 patient paid, D discount... `amount` in cents."""

    qualifier: str = ""
    amount: int = 0


@dataclass(frozen=True)
class RemittanceQuantity:
    """A QTY: CA covered days, CD co-insured days, ZK-ZO federal categories..."""

    qualifier: str = ""
    quantity: Decimal = Decimal(0)


@dataclass(frozen=True, repr=False)
class RemittanceParty:
    """NM1 of a claim. `name` is the last name of a person or the name of an organization."""

    is_person: bool = True
    name: str | None = None
    first_name: str | None = None
    middle_name: str | None = None
    suffix: str | None = None
    identifier_qualifier: str | None = None
    """MI member, HN Medicare beneficiary, MR Medicaid recipient, XX NPI, C corrected id..."""
    identifier: str | None = None

    @property
    def npi(self) -> str | None:
        """NM109 where NM108 says that it is a national provider identifier."""
        return self.identifier if self.identifier_qualifier == "XX" else None


@dataclass(frozen=True)
class RemittanceOrganization:
    """N1 of the header: the payer (1000A) or the payee (1000B)."""

    name: str | None = None
    identifier_qualifier: str | None = None
    """XX NPI, FI tax id, XV plan id."""
    identifier: str | None = None
    address: Address | None = None
    references: tuple[RemittanceReference, ...] = ()
    """Payer: 2U payer id, EO, HI, NF. Payee: TJ tax id, PQ payee id, D3, 0B."""
    contacts: tuple[Contact, ...] = ()
    delivery_method: str | None = None
    """RDM of the payee, how the remittance is sent: BM mail, EM e-mail, FT file, OL on line."""
    delivery_name: str | None = None
    delivery_address: str | None = None

    def reference(self, qualifier: str) -> str | None:
        """The value of the first REF with this qualifier."""
        return next((ref.value for ref in self.references if ref.qualifier == qualifier), None)


@dataclass(frozen=True, repr=False)
class BankAccount:
    """BPR06 to BPR09, or BPR12 to BPR15."""

    bank_qualifier: str | None = None
    bank: str | None = None
    account_qualifier: str | None = None
    account: str | None = None


@dataclass(frozen=True)
class InpatientOutcome:
    """MIA. Amounts in cents; days are counts."""

    covered_days: Decimal | None = None
    outlier_amount: int | None = None
    psychiatric_days: Decimal | None = None
    drg_amount: int | None = None
    remark1: str | None = None
    disproportionate_share_amount: int | None = None
    medicare_secondary_pass_through_amount: int | None = None
    capital_amount: int | None = None
    capital_federal_drg_amount: int | None = None
    capital_hospital_drg_amount: int | None = None
    capital_disproportionate_share_amount: int | None = None
    old_capital_amount: int | None = None
    capital_indirect_education_amount: int | None = None
    hospital_specific_drg_amount: int | None = None
    cost_report_days: Decimal | None = None
    federal_specific_drg_amount: int | None = None
    capital_outlier_amount: int | None = None
    indirect_teaching_amount: int | None = None
    professional_component_amount: int | None = None
    remark2: str | None = None
    remark3: str | None = None
    remark4: str | None = None
    remark5: str | None = None
    capital_exception_amount: int | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remark codes, in order."""
        codes = (self.remark1, self.remark2, self.remark3, self.remark4, self.remark5)
        return tuple(code for code in codes if code)


@dataclass(frozen=True)
class OutpatientOutcome:
    """MOA. Amounts in cents; the rate is a decimal fraction."""

    reimbursement_rate: Decimal | None = None
    payable_amount: int | None = None
    remark1: str | None = None
    remark2: str | None = None
    remark3: str | None = None
    remark4: str | None = None
    remark5: str | None = None
    end_stage_renal_amount: int | None = None
    professional_component_amount: int | None = None

    @property
    def remarks(self) -> tuple[str, ...]:
        """The remark codes, in order."""
        codes = (self.remark1, self.remark2, self.remark3, self.remark4, self.remark5)
        return tuple(code for code in codes if code)


@dataclass(frozen=True)
class RemittanceLine:
    """2110. `charge` and `paid` in cents; `units` absent means one."""

    procedure: Procedure | None = None
    """SVC01: what the payer paid, which may not be what was billed."""
    charge: int = 0
    paid: int = 0
    revenue_code: str | None = None
    units: Decimal | None = None
    submitted_procedure: Procedure | None = None
    """SVC06: what was billed, when the payer bundled or changed it."""
    submitted_units: Decimal | None = None
    service_date: date | None = None
    """DTM*472."""
    service_from: date | None = None
    """DTM*150."""
    service_through: date | None = None
    """DTM*151."""
    dates: tuple[RemittanceDate, ...] = ()
    adjustments: tuple[RemittanceAdjustment, ...] = ()
    line_control_number: str | None = None
    """REF*6R: ours, come back."""
    references: tuple[RemittanceReference, ...] = ()
    allowed: int | None = None
    """AMT*B6, in cents."""
    amounts: tuple[RemittanceAmount, ...] = ()
    quantities: tuple[RemittanceQuantity, ...] = ()
    remarks: tuple[str, ...] = ()
    """LQ*HE: remark codes."""
    other_remarks: tuple[RemittanceReference, ...] = ()
    """LQ with any other list (RX: NCPDP reject codes)."""

    @property
    def billed_procedure(self) -> Procedure | None:
        """What was billed: SVC06 where the payer changed it, else SVC01."""
        return self.submitted_procedure or self.procedure


@dataclass(frozen=True)
class RemittanceGroup:
    """2000: LX with its TS3 and TS2, which the claims after it share."""

    number: str = ""
    provider_identifier: str | None = None
    """TS301."""
    facility_code: str | None = None
    fiscal_period_end: date | None = None
    claim_count: Decimal | None = None
    charge: int | None = None
    """TS305, in cents."""
    summary: tuple[Decimal | None, ...] = ()
    """TS306 to TS324, trailing gaps left out."""
    inpatient_summary: tuple[Decimal | None, ...] = ()
    """TS201 to TS219, trailing gaps left out."""


@dataclass(frozen=True, repr=False)
class RemittanceClaim:
    """2100: what a payer decided on one claim. Amounts in cents."""

    patient_control_number: str = ""
    status: str = ""
    """CLP02: 1, 2, 3 paid as primary, secondary, tertiary; 4 denied; 19, 20, 21 the same and
    forwarded; 22 reversal; 23 not ours, forwarded; 25 predetermination."""
    charge: int = 0
    paid: int = 0
    patient_responsibility: int | None = None
    filing_indicator: str | None = None
    payer_claim_control_number: str | None = None
    facility_code: str | None = None
    frequency: str | None = None
    patient_status: str | None = None
    diagnosis_related_group: str | None = None
    drg_weight: Decimal | None = None
    discharge_fraction: Decimal | None = None
    group: RemittanceGroup | None = None
    adjustments: tuple[RemittanceAdjustment, ...] = ()
    """At claim level: besides the lines' own, never a sum of them."""
    patient: RemittanceParty | None = None
    """NM1*QC."""
    insured: RemittanceParty | None = None
    """NM1*IL."""
    corrected_insured: RemittanceParty | None = None
    """NM1*74: what the payer thinks is right; only the parts that differ are filled."""
    rendering_provider: RemittanceParty | None = None
    """NM1*82."""
    crossover_carrier: RemittanceParty | None = None
    """NM1*TT: to whom the payer forwarded the claim."""
    corrected_payer: RemittanceParty | None = None
    """NM1*PR: who should pay before this one."""
    other_insured: RemittanceParty | None = None
    """NM1*GB."""
    inpatient: InpatientOutcome | None = None
    outpatient: OutpatientOutcome | None = None
    references: tuple[RemittanceReference, ...] = ()
    statement_from: date | None = None
    """DTM*232."""
    statement_through: date | None = None
    """DTM*233."""
    received_on: date | None = None
    """DTM*050."""
    coverage_expired_on: date | None = None
    """DTM*036."""
    dates: tuple[RemittanceDate, ...] = ()
    contacts: tuple[Contact, ...] = ()
    amounts: tuple[RemittanceAmount, ...] = ()
    quantities: tuple[RemittanceQuantity, ...] = ()
    lines: tuple[RemittanceLine, ...] = ()
    position: int = 0
    """Which claim of its transaction set, counted from 0."""
    findings: tuple[Finding, ...] = ()
    """What was odd. One that blocks means: do not post this claim from these values."""

    @property
    def is_reversal(self) -> bool:
        """CLP02 22: the payer takes an earlier decision back."""
        return self.status == "22"

    @property
    def remarks(self) -> tuple[str, ...]:
        """Remark codes at claim level (MIA, MOA)."""
        inpatient = self.inpatient.remarks if self.inpatient else ()
        return inpatient + (self.outpatient.remarks if self.outpatient else ())

    def all_adjustments(self) -> Iterator[RemittanceAdjustment]:
        """The claim's own adjustments, then each line's."""
        yield from self.adjustments
        for line in self.lines:
            yield from line.adjustments


@dataclass(frozen=True)
class RemittanceHeader:
    """Everything of a transaction set that stands before its first claim. Amounts in cents."""

    interchange_control_number: str | None = None
    group_control_number: str | None = None
    transaction_control_number: str = "0001"
    sender: str | None = None
    """ISA06."""
    receiver: str | None = None
    version: str | None = None
    """GS08; None where the file begins at ST."""
    handling: str = "I"
    """BPR01: I remittance only, H notification only, C, D, P, U, X with the payment."""
    amount: int = 0
    """BPR02."""
    credit_debit: str = "C"
    method: str | None = None
    """BPR04: ACH, CHK, NON, BOP, FWT."""
    payment_format: str | None = None
    sender_account: BankAccount | None = None
    originating_company: str | None = None
    originating_company_supplement: str | None = None
    receiver_account: BankAccount | None = None
    payment_date: date | None = None
    """BPR16."""
    trace_number: str | None = None
    """TRN02: the check or EFT number, which the bank's deposit carries too."""
    trace_payer: str | None = None
    """TRN03: the payer's identifier."""
    trace_supplement: str | None = None
    currency: str | None = None
    receiver_identification: str | None = None
    """REF*EV."""
    references: tuple[RemittanceReference, ...] = ()
    production_date: date | None = None
    """DTM*405."""
    payer: RemittanceOrganization | None = None
    payee: RemittanceOrganization | None = None
    position: int = 0
    """Which 835 of the file, counted from 0."""
    findings: tuple[Finding, ...] = ()

    @property
    def net_amount(self) -> int:
        """Cents that the payer sends; negative where BPR03 says that it takes them."""
        return -self.amount if self.credit_debit == "D" else self.amount

    @property
    def payer_identifier(self) -> str | None:
        """The surest identifier of the payer there is: N104, REF*2U, else TRN03."""
        payer = self.payer
        named = (payer.identifier or payer.reference("2U")) if payer else None
        return named or self.trace_payer


@dataclass(frozen=True)
class ProviderAdjustment:
    """One pair of a PLB. `amount` in cents; positive lowers the payment."""

    provider_identifier: str = ""
    fiscal_period_end: date | None = None
    reason: str = ""
    """WO overpayment recovery, FB balance forward, L6 interest owed, 72 authorized return..."""
    reference: str | None = None
    amount: int = 0


@dataclass(frozen=True)
class RemittanceTrailer:
    """The end of a transaction set: provider adjustments, counts, and whether it all adds up."""

    provider_adjustments: tuple[ProviderAdjustment, ...] = ()
    claims: int = 0
    paid: int = 0
    """The sum of CLP04 over the claims, in cents."""
    balance: RemittanceBalance | None = None
    position: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class RemittanceProblem:
    """What is wrong with no one claim: an 835 in another version, bytes that are no X12 (these
    block), or counts of an envelope that do not fit (these warn: everything in it was read)."""

    findings: tuple[Finding, ...]
    interchange_control_number: str | None = None
    group_control_number: str | None = None
    transaction_control_number: str | None = None

    @property
    def is_blocking(self) -> bool:
        """Whether something could not be read."""
        return any(finding.severity == "block" for finding in self.findings)


RemittancePart = RemittanceHeader | RemittanceClaim | RemittanceTrailer | RemittanceProblem
