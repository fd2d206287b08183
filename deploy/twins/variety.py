"""What else a day has besides visits and hospital services with one payer: dentistry, and patients
with a second payer.

Apart from the hospital so that a day without them stays, byte for byte, what its seed makes it.
"""

from random import Random

from shared.contract.claim import (
    Claim,
    OtherCoverage,
    Payer,
    Procedure,
    Provider,
    ServiceLine,
    Tooth,
)

_COMMERCIAL = "CI"
_DENTAL = 0.12
_SECOND_PAYER = 0.4
_SECOND = Payer(name="SUPPLEMENTAL PLAN", identifier_qualifier="PI", identifier="SUPP1")
# (CDT code, usual charge in cents, teeth)
_DENTISTRY: tuple[tuple[str, int, tuple[Tooth, ...]], ...] = (
    ("D0120", 5800, ()),
    ("D1110", 9900, ()),
    ("D2392", 24500, (Tooth(number="3", surfaces=("M", "O")),)),
)


def varied(claim: Claim, random: Random) -> Claim:
    """The claim, or one in its place: of the professional ones with a commercial payer some are a
    dentist's, and some have a second payer."""
    chance = random.random()
    if claim.kind != "professional" or claim.filing_indicator != _COMMERCIAL:
        return claim
    if chance < _DENTAL:
        return as_dental(claim)
    return with_second_payer(claim) if chance < _DENTAL + _SECOND_PAYER else claim


def as_dental(claim: Claim) -> Claim:
    """A dentist's claim (837D) for the same patient and payer."""
    dentist = claim.rendering_provider or Provider()
    lines = tuple(
        ServiceLine(
            number=number,
            procedure=Procedure(code=code, qualifier="AD"),
            charge=charge,
            units=1,
            service_from=claim.service_lines[0].service_from,
            teeth=teeth,
        )
        for number, (code, charge, teeth) in enumerate(_DENTISTRY, start=1)
    )
    return claim.model_copy(
        update={
            "kind": "dental",
            "diagnoses": (),
            "rendering_provider": dentist.model_copy(update={"taxonomy": "1223G0001X"}),
            "service_lines": lines,
            "charge": sum(line.charge for line in lines),
        }
    )


def with_second_payer(claim: Claim) -> Claim:
    """The claim of a patient whom a second plan covers for what the first leaves."""
    insured = claim.subscriber.model_copy(
        update={"identifier": f"S{claim.subscriber.identifier}", "group_number": None}
    )
    second = OtherCoverage(
        sequence="S",
        relationship=claim.patient_relationship,
        filing_indicator=_COMMERCIAL,
        benefits_assigned="Y",
        release_of_information="Y",
        subscriber=insured,
        payer=_SECOND,
    )
    return claim.model_copy(update={"other_coverages": (second,)})
