"""The canonical claim: professional, institutional and dental, rich enough that an 837 read into it
and written again loses nothing that a payer needs.

Names are the field's own; each docstring says where the value lives in an 837. Codes are the
standard's code values. Amounts are `Cents`: integer cents in code, decimal strings on the wire.
"""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field

from shared.contract.model import Adjustment, Model, Quantity
from shared.money import Cents

Text = Annotated[str, Field(max_length=264)]
Code = Annotated[str, Field(max_length=80)]

ClaimKind = Literal["professional", "institutional", "dental"]


class Address(Model):
    """N3 and N4."""

    line1: Text | None = None
    line2: Text | None = None
    city: Text | None = None
    state: Code | None = None
    postal_code: Code | None = None
    country: Code | None = None
    subdivision: Code | None = None


class Reference(Model):
    """A REF with no field of its own. `qualifier` is REF01, `value` REF02."""

    qualifier: Code
    value: Text | None = None
    description: Text | None = None
    payer_identifier: Code | None = None
    """REF04: the payer whose number this is, where a line names one other than the destination."""


class ContactNumber(Model):
    """One PER pair: TE telephone, EX extension, FX fax, EM e-mail, UR address on the web."""

    kind: Code
    value: Text


class Contact(Model):
    """PER. `function` is PER01, IC almost always."""

    function: Code = "IC"
    name: Text | None = None
    numbers: tuple[ContactNumber, ...] = ()


class QualifiedDate(Model):
    """A DTP with no field of its own; `through` where the format is RD8, `time` (HHMM) where DT."""

    qualifier: Code
    on: date
    through: date | None = None
    time: Code | None = None


class QualifiedAmount(Model):
    """An AMT with no field of its own."""

    qualifier: Code
    amount: Cents


class QualifiedQuantity(Model):
    """A QTY: PT patients carried, FL units of obstetric anesthesia."""

    qualifier: Code
    quantity: Quantity


class Party(Model):
    """NM1 with what may follow it: a person or an organization that a claim names.

    `name` is the organization's name or the person's last name (NM103). `npi` is NM109 where NM108
    is XX; any other identifier stands in `identifier` with its `identifier_qualifier` (NM108: 24 or
    EI tax id, 34 SSN, 46 ETIN, MI member id, PI payer id, XV plan id, SV).
    """

    is_person: bool = False
    name: Text | None = None
    first_name: Text | None = None
    middle_name: Text | None = None
    suffix: Text | None = None
    entity_code: Code | None = None
    """NM101, where a place allows several and this is not the first: P3 beside referring DN."""
    npi: Code | None = None
    identifier_qualifier: Code | None = None
    identifier: Code | None = None
    address: Address | None = None
    contacts: tuple[Contact, ...] = ()
    references: tuple[Reference, ...] = ()


class Provider(Party):
    """A provider loop: billing 2010AA, pay-to 2010AB, and the 2310 and 2420 families."""

    taxonomy: Code | None = None
    """PRV03, National Uniform Claim Committee taxonomy code."""
    taxonomy_role: Code | None = None
    """PRV01: BI billing, PE performing, AT attending. The loop's own default when absent."""
    tax_id: Code | None = None
    """REF02 of the billing provider's REF*EI (or SY, then `tax_id_qualifier` says so)."""
    tax_id_qualifier: Code | None = None


class Demographics(Model):
    """DMG: date of birth and gender (F, M, U)."""

    birth_date: date | None = None
    gender: Code | None = None


class Insured(Party, Demographics):
    """Subscriber: SBR and 2010BA. `identifier` is the member id (`identifier_qualifier` MI)."""

    group_number: Code | None = None
    group_name: Text | None = None
    insurance_type: Code | None = None
    """SBR05, when Medicare is secondary."""
    death_date: date | None = None
    """PAT06; like the next two only where the subscriber is the patient."""
    weight_pounds: Quantity | None = None
    is_pregnant: bool | None = None


class Patient(Party, Demographics):
    """PAT and 2010CA: a patient who is not the subscriber."""

    death_date: date | None = None
    weight_pounds: Quantity | None = None
    is_pregnant: bool | None = None


class Payer(Party):
    """2010BB or 2330B. `identifier` is the payer id (`identifier_qualifier` PI or XV)."""


class Diagnosis(Model):
    """One composite of an HI segment."""

    code: Code
    role: Literal["principal", "other", "admitting", "reason_for_visit", "external_cause"] = "other"
    system: Literal["icd10cm", "icd9cm"] = "icd10cm"
    present_on_admission: Code | None = None


class SurgicalProcedure(Model):
    """HI BBR/BBQ (ICD-10-PCS), BR/BQ (ICD-9), BP/BO (HCPCS: anesthesia-related)."""

    code: Code
    role: Literal["principal", "other"] = "other"
    system: Literal["icd10pcs", "icd9pcs", "hcpcs"] = "icd10pcs"
    on: date | None = None


class OccurrenceCode(Model):
    """HI BH."""

    code: Code
    on: date | None = None


class OccurrenceSpan(Model):
    """HI BI."""

    code: Code
    start: date | None = None
    through: date | None = None


class ValueCode(Model):
    """HI BE. The amount is in cents even where the code counts days: it is a decimal either way."""

    code: Code
    amount: Cents


class Note(Model):
    """NTE: `kind` is NTE01."""

    kind: Code = "ADD"
    text: Text


class Attachment(Model):
    """PWK: paperwork that supports the claim. The paper itself is not in the claim."""

    report_type: Code
    transmission: Code | None = None
    control_number: Code | None = None


class FileInformation(Model):
    """K3: what a payer asked for in a fixed form of its own."""

    text: Text


class ContractTerms(Model):
    """CN1."""

    kind: Code
    amount: Cents | None = None
    percent: Quantity | None = None
    code: Code | None = None
    discount_percent: Quantity | None = None
    version: Code | None = None


class Repricing(Model):
    """HCP: what a repricer made of a claim or line."""

    method: Code
    allowed: Cents | None = None
    savings: Cents | None = None
    repricer_identifier: Code | None = None
    rate: Quantity | None = None
    group_code: Code | None = None
    group_amount: Cents | None = None
    revenue_code: Code | None = None
    procedure_qualifier: Code | None = None
    procedure_code: Code | None = None
    unit: Code | None = None
    quantity: Quantity | None = None
    rejection_reason: Code | None = None
    policy_compliance: Code | None = None
    exception: Code | None = None


class AmbulanceTransport(Model):
    """CR1: weight in pounds, distance in miles."""

    weight_pounds: Quantity | None = None
    reason: Code | None = None
    miles: Quantity | None = None
    round_trip_purpose: Text | None = None
    stretcher_purpose: Text | None = None


class SpinalManipulation(Model):
    """CR2."""

    condition: Code
    description: Text | None = None
    more_description: Text | None = None


class EquipmentCertification(Model):
    """CR3: durable medical equipment; the duration is in months."""

    kind: Code
    months: Quantity | None = None


class DurableEquipment(Model):
    """SV5: how long it is needed, in days, and what it costs to rent and to buy."""

    procedure_code: Code
    days: Quantity | None = None
    rental_price: Cents | None = None
    purchase_price: Cents | None = None
    rental_frequency: Code | None = None


class ConditionIndicator(Model):
    """CRC: `category` 07 ambulance, 09 durable equipment, 70 hospice, E1 to E3 vision, ZZ EPSDT."""

    category: Code
    applies: bool | None = None
    codes: tuple[Code, ...] = ()


class Measurement(Model):
    """MEA: a test result or a height."""

    reference: Code
    qualifier: Code
    value: Quantity


class PurchasedService(Model):
    """PS1."""

    provider_identifier: Code
    charge: Cents


class FormAnswer(Model):
    """FRM: one answer on a payer's form."""

    question: Code
    indicator: Code | None = None
    text: Text | None = None
    on: date | None = None
    percent: Quantity | None = None


class SupportingForm(Model):
    """2440: LQ and its FRMs, such as a certificate of medical necessity."""

    qualifier: Code = "UT"
    form: Code
    answers: tuple[FormAnswer, ...] = ()


class InpatientAdjudication(Model):
    """MIA: how an earlier payer came to its inpatient decision. Names follow MIA01 to MIA24."""

    covered_days: Quantity | None = None
    pps_operating_outlier: Cents | None = None
    lifetime_psychiatric_days: Quantity | None = None
    drg_amount: Cents | None = None
    remark_code: Code | None = None
    disproportionate_share: Cents | None = None
    pass_through: Cents | None = None
    pps_capital: Cents | None = None
    capital_federal_share: Cents | None = None
    capital_hospital_share: Cents | None = None
    capital_disproportionate_share: Cents | None = None
    old_capital: Cents | None = None
    capital_indirect_education: Cents | None = None
    hospital_specific_drg: Cents | None = None
    cost_report_days: Quantity | None = None
    federal_drg: Cents | None = None
    capital_outlier: Cents | None = None
    indirect_education: Cents | None = None
    professional_component: Cents | None = None
    more_remark_codes: tuple[Code, ...] = ()
    capital_exception: Cents | None = None


class OutpatientAdjudication(Model):
    """MOA: how an earlier payer came to its outpatient decision."""

    reimbursement_rate: Quantity | None = None
    hcpcs_payable: Cents | None = None
    remark_codes: tuple[Code, ...] = ()
    end_stage_renal: Cents | None = None
    professional_component: Cents | None = None


class Tooth(Model):
    """TOO: tooth and surfaces that a dental line is about."""

    number: Code | None = None
    surfaces: tuple[Code, ...] = ()


class ToothStatus(Model):
    """DN2."""

    number: Code
    status: Code


class Orthodontics(Model):
    """DN1: treatment in months."""

    total_months: Quantity | None = None
    remaining_months: Quantity | None = None
    indicator: Code | None = None


class Procedure(Model):
    """The composite medical procedure identifier of SV1, SV2, SV3 and SVD."""

    code: Code
    qualifier: Code = "HC"
    modifiers: tuple[Code, ...] = ()
    description: Text | None = None


class Drug(Model):
    """2410: LIN*N4 and CTP. `unit` is F2, GR, ME, ML or UN."""

    ndc: Code
    qualifier: Code = "N4"
    quantity: Quantity | None = None
    unit: Code | None = None
    prescription_number: Code | None = None
    prescription_qualifier: Code | None = None


class LineAdjudication(Model):
    """2430: what an earlier payer did with this line. `payer_identifier` names its 2330B NM109."""

    payer_identifier: Code
    paid: Cents = 0
    procedure: Procedure | None = None
    revenue_code: Code | None = None
    units: Quantity | None = None
    bundled_line: int | None = None
    adjustments: tuple[Adjustment, ...] = ()
    adjudicated_on: date | None = None
    remaining_liability: Cents | None = None


class ServiceLine(Model):
    """2400. Diagnosis pointers count from 1 into the claim's diagnoses, as in the 837."""

    number: int
    procedure: Procedure | None = None
    revenue_code: Code | None = None
    charge: Cents
    units: Quantity | None = None
    unit: Code | None = None
    """UN units, MJ minutes, DA days."""
    non_covered_charge: Cents | None = None
    place_of_service: Code | None = None
    diagnosis_pointers: tuple[int, ...] = ()
    is_emergency: bool | None = None
    is_epsdt: bool | None = None
    is_family_planning: bool | None = None
    copay_exempt: bool | None = None
    service_from: date | None = None
    service_through: date | None = None
    line_control_number: Code | None = None
    """REF*6R: ours, echoed on the 835, the surest match there is."""
    prior_authorization: Code | None = None
    dates: tuple[QualifiedDate, ...] = ()
    amounts: tuple[QualifiedAmount, ...] = ()
    references: tuple[Reference, ...] = ()
    notes: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    drug: Drug | None = None
    rendering_provider: Provider | None = None
    operating_provider: Provider | None = None
    other_operating_provider: Provider | None = None
    referring_providers: tuple[Provider, ...] = ()
    supervising_provider: Provider | None = None
    ordering_provider: Provider | None = None
    purchased_service_provider: Provider | None = None
    facility: Provider | None = None
    ambulance_pickup: Provider | None = None
    ambulance_dropoff: Provider | None = None
    assistant_surgeon: Provider | None = None
    adjudications: tuple[LineAdjudication, ...] = ()
    quantities: tuple[QualifiedQuantity, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    file_information: tuple[FileInformation, ...] = ()
    contract: ContractTerms | None = None
    repricing: Repricing | None = None
    purchased_service: PurchasedService | None = None
    ambulance_transport: AmbulanceTransport | None = None
    equipment_certification: EquipmentCertification | None = None
    durable_equipment: DurableEquipment | None = None
    condition_indicators: tuple[ConditionIndicator, ...] = ()
    forms: tuple[SupportingForm, ...] = ()
    teeth: tuple[Tooth, ...] = ()
    oral_cavity: tuple[Code, ...] = ()
    """SV304."""
    prosthesis: Code | None = None
    """SV305: I initial, R replacement."""


class OtherCoverage(Model):
    """2320 and 2330: another payer of this claim, and what it did where it has adjudicated."""

    sequence: Code
    """SBR01: P, S, T, A-H."""
    relationship: Code | None = None
    """SBR02: 18 self, 01 spouse, 19 child, 20, 21, 39, 40, 53, G8."""
    group_number: Code | None = None
    group_name: Text | None = None
    insurance_type: Code | None = None
    filing_indicator: Code | None = None
    """SBR09: MB, MA, MC, CI, BL, HM, CH, ..."""
    adjustments: tuple[Adjustment, ...] = ()
    paid: Cents | None = None
    """AMT*D."""
    remaining_liability: Cents | None = None
    """AMT*EAF."""
    non_covered: Cents | None = None
    """AMT*A8."""
    benefits_assigned: Code | None = None
    """OI03: Y, N, W."""
    signature_source: Code | None = None
    release_of_information: Code | None = None
    subscriber: Insured | None = None
    payer: Payer
    adjudicated_on: date | None = None
    """DTP*573 of 2330B."""
    payer_claim_control_number: Code | None = None
    """REF*F8 of 2330B."""
    inpatient_adjudication: InpatientAdjudication | None = None
    outpatient_adjudication: OutpatientAdjudication | None = None
    amounts: tuple[QualifiedAmount, ...] = ()
    referring_providers: tuple[Provider, ...] = ()
    """2330C to 2330I: what the other payer calls the providers."""
    rendering_provider: Provider | None = None
    attending_provider: Provider | None = None
    operating_provider: Provider | None = None
    other_operating_provider: Provider | None = None
    supervising_provider: Provider | None = None
    assistant_surgeon: Provider | None = None
    facility: Provider | None = None
    billing_provider: Provider | None = None


class RelatedCauses(Model):
    """CLM11."""

    causes: tuple[Code, ...] = ()
    state: Code | None = None
    country: Code | None = None


class Claim(Model):
    """One claim from one provider to one payer for one patient.

    `id` is opaque and lives as long as the claim; each new version is a `revision`, counted from 1.
    """

    id: UUID
    revision: int = 1
    kind: ClaimKind
    source: Code
    """Who published it: the sender's configured name, never a person's."""
    patient_control_number: Code
    """CLM01, which payers echo in CLP01 and 277 TRN02."""
    charge: Cents
    """CLM02: the sum of the lines' charges."""
    facility_code: Code | None = None
    """CLM05-1: place of service (P, D), or the first two digits of the type of bill (I)."""
    frequency: Code = "1"
    """CLM05-3: 1 original, 7 replacement, 8 void, and what else the bill type allows."""
    provider_signature: bool | None = None
    """CLM06."""
    accepts_assignment: Code | None = None
    """CLM07: A, B, C."""
    benefits_assigned: Code | None = None
    """CLM08: Y, N, W."""
    release_of_information: Code | None = None
    """CLM09: Y, I."""
    signature_source: Code | None = None
    """CLM10."""
    related_causes: RelatedCauses | None = None
    special_program: Code | None = None
    """CLM12."""
    delay_reason: Code | None = None
    """CLM20."""
    payer_sequence: Code = "P"
    """SBR01 of the destination payer."""
    filing_indicator: Code | None = None
    """SBR09 of the destination payer."""
    patient_relationship: Code = "18"
    """SBR02 or PAT01: 18 when the patient is the subscriber."""

    submitter: Party | None = None
    receiver: Party | None = None
    billing_provider: Provider
    pay_to_provider: Provider | None = None
    pay_to_plan: Payer | None = None
    subscriber: Insured
    patient: Patient | None = None
    """None when the patient is the subscriber."""
    payer: Payer
    rendering_provider: Provider | None = None
    attending_provider: Provider | None = None
    operating_provider: Provider | None = None
    other_operating_provider: Provider | None = None
    referring_providers: tuple[Provider, ...] = ()
    supervising_provider: Provider | None = None
    assistant_surgeon: Provider | None = None
    facility: Provider | None = None
    ambulance_pickup: Provider | None = None
    ambulance_dropoff: Provider | None = None

    statement_from: date | None = None
    statement_through: date | None = None
    admitted_on: date | None = None
    admission_time: Code | None = None
    discharge_time: Code | None = None
    admission_type: Code | None = None
    admission_source: Code | None = None
    patient_status: Code | None = None
    onset_on: date | None = None
    accident_on: date | None = None
    discharged_on: date | None = None
    dates: tuple[QualifiedDate, ...] = ()

    prior_authorization: Code | None = None
    """REF*G1."""
    referral_number: Code | None = None
    """REF*9F."""
    payer_claim_control_number: Code | None = None
    """REF*F8: the payer's own number, needed by frequency 7 and 8."""
    clearinghouse_claim_number: Code | None = None
    """REF*D9."""
    medical_record_number: Code | None = None
    """REF*EA."""
    clia_number: Code | None = None
    """REF*X4."""
    references: tuple[Reference, ...] = ()
    patient_paid: Cents | None = None
    """AMT*F5."""
    amounts: tuple[QualifiedAmount, ...] = ()
    notes: tuple[Note, ...] = ()
    attachments: tuple[Attachment, ...] = ()

    diagnoses: tuple[Diagnosis, ...] = ()
    diagnosis_related_group: Code | None = None
    procedures: tuple[SurgicalProcedure, ...] = ()
    occurrences: tuple[OccurrenceCode, ...] = ()
    occurrence_spans: tuple[OccurrenceSpan, ...] = ()
    values: tuple[ValueCode, ...] = ()
    conditions: tuple[Code, ...] = ()
    treatment_codes: tuple[Code, ...] = ()

    submission_kind: Code | None = None
    """BHT06: CH charges (also when absent), RP encounter report, 31 subrogation."""
    currency: Code | None = None
    """CUR02, where charges are not in US dollars."""
    predetermination: Code | None = None
    """CLM19 (dental): PB asks what would be paid."""
    contract: ContractTerms | None = None
    file_information: tuple[FileInformation, ...] = ()
    repricing: Repricing | None = None
    ambulance_transport: AmbulanceTransport | None = None
    spinal_manipulation: SpinalManipulation | None = None
    condition_indicators: tuple[ConditionIndicator, ...] = ()
    orthodontics: Orthodontics | None = None
    tooth_status: tuple[ToothStatus, ...] = ()

    other_coverages: tuple[OtherCoverage, ...] = ()
    service_lines: tuple[ServiceLine, ...] = Field(max_length=999)
