"""Checks of drug lines: the NDC's form, its quantity and unit, and where one is needed."""

import re
from collections.abc import Iterator
from functools import lru_cache

from services.coding.domain.rule import Breach, Case, Rule
from services.coding.domain.served import is_medicaid

_ELEVEN_DIGITS = re.compile(r"[0-9]{11}")
_UNITS = frozenset(("F2", "GR", "ME", "ML", "UN"))
_NDC = "N4"
_WITHOUT_NDC = re.compile(r"J[0-9]{4}")


@lru_cache(maxsize=8_192)
def is_ndc(code: str) -> bool:
    """Eleven digits, 5-4-2, no hyphens and not all zero."""
    return _ELEVEN_DIGITS.fullmatch(code) is not None and code.strip("0") != ""


def _form(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].drug.ndc"
        for at, line in enumerate(case.claim.service_lines)
        if line.drug is not None and line.drug.qualifier == _NDC and not is_ndc(line.drug.ndc)
    ]


def _unit(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].drug.unit"
        for at, line in enumerate(case.claim.service_lines)
        if line.drug is not None and line.drug.unit not in _UNITS
    ]


def _quantity(case: Case) -> list[str]:
    return [
        f"service_lines[{at}].drug.quantity"
        for at, line in enumerate(case.claim.service_lines)
        if line.drug is not None and (line.drug.quantity is None or line.drug.quantity <= 0)
    ]


def _missing(case: Case) -> Iterator[Breach]:
    if not is_medicaid(case.claim):
        return
    for service in case.services:
        if service.line.drug is None and _WITHOUT_NDC.fullmatch(service.code):
            yield Breach(f"{service.path}.drug", (service.code,))


def concerns(case: Case) -> bool:
    """Where a line has a drug, or the payer asks for one."""
    return is_medicaid(case.claim) or any(line.drug for line in case.claim.service_lines)


RULES = (
    Rule(
        "ndc-format",
        "the drug's NDC has not eleven digits",
        "Pad each part with zeros on the left to 5-4-2, and leave the hyphens out.",
        "837 loop 2410 LIN03; 45 CFR 162.1002",
        _form,
    ),
    Rule(
        "ndc-unit",
        "the drug's unit of measure is missing or none that claims know",
        "Send ML, GR, ME, F2 or UN, as the NDC is measured and not as the procedure is.",
        "837 loop 2410 CTP05",
        _unit,
    ),
    Rule(
        "ndc-quantity",
        "the drug's quantity is missing or not above zero",
        "Send how much of the NDC's unit was given.",
        "837 loop 2410 CTP04",
        _quantity,
    ),
    Rule(
        "ndc-missing",
        "Medicaid pays for a drug only with its NDC",
        "Send the NDC of the package that the drug was taken from.",
        "42 CFR 447.520; Deficit Reduction Act of 2005, section 6002",
        _missing,
        kinds=("professional", "institutional"),
    ),
)
