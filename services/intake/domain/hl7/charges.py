"""FT1: the charges of a message, each with what one line of a claim needs."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from services.intake.domain.encounter import Charge
from services.intake.domain.hl7 import values
from services.intake.domain.hl7.fields import Fields
from services.intake.domain.hl7.parsing import Segment
from services.intake.domain.hl7.paths import Scope
from services.intake.domain.profile_tables import DRUG_UNITS
from shared.contract.claim import Diagnosis, Drug, Procedure, ServiceLine
from shared.contract.model import Quantity

_ONE = Decimal(1)
_MAX_DESCRIPTION = 80
_MEMBERS = ("PR1", "DG1", "PRT", "ROL", "ZFT")


def charges_of(fields: Fields, occurred_at: datetime, *, is_required: bool) -> Iterator[Charge]:
    """The message's charges and credits. Payments and adjustments are no part of a claim."""
    has_any = False
    for segment, scope in fields.groups("FT1", _MEMBERS):
        has_any = True
        kind = fields.profile.charge_kinds.get(fields.text(scope, "charge.kind").upper())
        if kind is None:
            fields.wrong(
                segment,
                "6",
                "charge-kind",
                "the kind of transaction is in no table of this source",
                "Use CG for a charge and CD for a credit (HL7 table 0017).",
            )
        elif kind == "other":
            fields.note(
                scope,
                "charge.kind",
                "transaction-not-claimed",
                "a payment or adjustment is no part of a claim, and was passed over",
            )
        else:
            charge = _charge(fields, segment, scope, occurred_at, is_credit=kind == "credit")
            if charge is not None:
                yield charge
    if is_required and not has_any:
        fields.missing({}, "charge.amount", "charge-missing", "any charge: it has no FT1", "FT1")


def _charge(
    fields: Fields, segment: Segment, scope: Scope, occurred_at: datetime, *, is_credit: bool
) -> Charge | None:
    charge = _amounts(fields, segment, scope)
    start = fields.day(scope, "charge.from")
    if start is None and not fields.found(scope, "charge.from")[0]:
        fields.missing(scope, "charge.from", "date-missing", "when the service was given")
    through = fields.day(scope, "charge.through")
    procedure, revenue = _codes(fields, scope)
    if procedure is None and revenue is None:
        fields.missing(
            scope, "charge.procedure", "procedure-missing", "a procedure or revenue code"
        )
    if charge is None or start is None or fields.is_blocked:
        return None
    cents, units = charge
    is_credit = is_credit or cents < 0 or units < 0
    control = fields.message.header.get(10)
    line = ServiceLine(
        number=1,
        procedure=procedure,
        revenue_code=revenue,
        charge=abs(cents),
        units=abs(units),
        unit="UN",
        place_of_service=fields.text(scope, "charge.place_of_service") or None,
        service_from=start,
        service_through=through if through and through > start else None,
        drug=_drug(fields, scope),
        rendering_provider=fields.provider(scope, "charge.rendering_provider"),
        ordering_provider=fields.provider(scope, "charge.ordering_provider"),
        line_control_number=fields.text(scope, "charge.line_control_number", 30) or None,
    )
    return Charge(
        key=fields.text(scope, "charge.id") or f"{control[:60]}#{segment.ordinal}",
        line=line,
        diagnoses=tuple(_diagnoses(fields, scope)),
        is_credit=is_credit,
        place=fields.message.where(segment),
        occurred_at=occurred_at,
    )


def _drug(fields: Fields, scope: Scope) -> Drug | None:
    ndc = fields.text(scope, "charge.ndc").replace("-", "")
    if len(ndc) != 11 or not ndc.isdecimal():
        return None
    return Drug(
        ndc=ndc,
        quantity=values.quantity(fields.text(scope, "charge.ndc_quantity")),
        unit=DRUG_UNITS.get(fields.text(scope, "charge.ndc_unit").upper()),
    )


def _amounts(fields: Fields, segment: Segment, scope: Scope) -> tuple[int, Quantity] | None:
    """The charge in cents and the units: the extended amount, or the unit price times the units."""
    text, at = fields.found(scope, "charge.units")
    units = values.quantity(text) if text else _ONE
    if units is None or (at is None and text):
        fields.wrong(segment, _place(at), "quantity-format", "not a decimal number", 'Write "1.5".')
        return None
    currency, currency_at = fields.found(scope, "charge.currency")
    if currency and currency.upper() != "USD":
        fields.wrong(
            segment,
            _place(currency_at),
            "currency-not-taken",
            "the amount is not in US dollars",
            "Send amounts in USD.",
        )
        return None
    for name, factor in (("charge.amount", None), ("charge.unit_amount", units)):
        text, at = fields.found(scope, name)
        if text:
            cents = values.cents(text)
            if cents is not None and factor is not None:
                cents = values.times(cents, factor)
            if cents is None:
                fields.wrong(
                    segment,
                    _place(at),
                    "amount-format",
                    "not an amount of whole cents",
                    "Write dollars and cents with a point: 12.50.",
                )
                return None
            return cents, units
    fields.missing(scope, "charge.amount", "amount-missing", "what was charged")
    return None


def _place(path: object) -> str:
    return str(path).partition("-")[2] if path else ""


def _codes(fields: Fields, scope: Scope) -> tuple[Procedure | None, str | None]:
    """The procedure and the revenue code, from wherever the source's table finds them."""
    profile = fields.profile
    code = fields.text(scope, "charge.procedure")
    system = fields.text(scope, "charge.procedure_system").upper()
    charge_code = fields.text(scope, "charge.code")
    charge_system = fields.text(scope, "charge.code_system").upper()
    if not code and charge_code and charge_system in profile.procedure_systems:
        code, system = charge_code, charge_system
    revenue = fields.text(scope, "charge.revenue_code")
    if not revenue and charge_system in profile.revenue_systems:
        revenue = charge_code
    if not revenue:
        department = fields.text(scope, "charge.department")
        revenue = profile.revenue_codes.get(charge_code) or profile.revenue_codes.get(
            department, ""
        )
    if revenue.isdecimal() and len(revenue) < 4:
        revenue = revenue.zfill(4)
    if not code:
        return None, revenue or None
    return Procedure(
        code=code,
        qualifier="AD" if system in ("CD2", "ADA", "CDT") else "HC",
        modifiers=_modifiers(fields, scope),
        description=fields.text(scope, "charge.description", _MAX_DESCRIPTION) or None,
    ), revenue or None


def _modifiers(fields: Fields, scope: Scope) -> tuple[str, ...]:
    """Each repetition is one; engines that know no repetitions put them into the components."""
    found: list[str] = []
    for path in fields.profile.paths["charge.modifiers"]:
        segment = scope.get(path.segment)
        for repetition in segment.repetitions(path.field) if segment else ():
            assert segment is not None
            components = repetition.split(segment.delimiters.component)
            codes = [segment.part(part) for part in components]
            found += [code for code in codes if len(code) == 2 and code.isalnum()]
    return tuple(dict.fromkeys(found))


def _diagnoses(fields: Fields, scope: Scope) -> Iterator[Diagnosis]:
    for path in fields.profile.paths["charge.diagnoses"]:
        holder = scope.get(path.segment)
        for repetition in holder.repetitions(path.field) if holder else ():
            assert holder is not None
            code = holder.part(repetition, 1).replace(".", "")
            known = fields.profile.diagnosis_systems.get(holder.part(repetition, 3).upper())
            if code and known and len(code) <= 8 and code.isalnum():
                yield Diagnosis(code=code, system=known)
