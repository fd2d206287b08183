"""What identifiers and codes look like: format only, whether a code exists is another matter.

Each answer is remembered: a day's claims repeat the same providers, codes and places.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

_NPI = re.compile(r"[12][0-9]{9}")
_PREFIX_SUM = 24
"""Luhn sum of 80840, the prefix of a US health identifier (ISO/IEC 7812; 45 CFR 162.406)."""
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)

_ICD10CM = re.compile(r"[A-Z][0-9][0-9A-Z][0-9A-Z]{0,4}")
_ICD10PCS = re.compile(r"[0-9A-HJ-NP-Z]{7}")
_MODIFIER = re.compile(r"[0-9A-Z]{2}")
_REVENUE_CODE = re.compile(r"[0-9]{4}")
_TYPE_OF_BILL = re.compile(r"[1-9][1-9]")
_PLACE_OF_SERVICE = re.compile(r"[0-9]{2}")
_TAX_ID = re.compile(r"[0-9]{9}|[0-9]{2}-[0-9]{7}|[0-9]{3}-[0-9]{2}-[0-9]{4}")
_ZIP = re.compile(r"[0-9]{5}(?:-?[0-9]{4})?")
_ZIP_NINE = re.compile(r"[0-9]{5}-?[0-9]{4}")
_PO_BOX = re.compile(r"\bP\.? ?O\.? ?BOX\b|\bPOST OFFICE BOX\b|\bLOCK ?BOX\b", re.IGNORECASE)

_PROCEDURE_BY_QUALIFIER: Mapping[str, re.Pattern[str]] = {
    "HC": re.compile(r"[0-9]{4}[0-9A-Z]|[A-Z][0-9]{4}"),
    "AD": re.compile(r"D[0-9]{4}"),
    "HP": re.compile(r"[0-9A-Z]{5}"),
}

# fmt: off
STATES = frozenset((
    "AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA",
    "KS", "KY", "LA", "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ",
    "NM", "NY", "NC", "ND", "OH", "OK", "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT",
    "VA", "WA", "WV", "WI", "WY", "DC", "PR", "VI", "GU", "AS", "MP", "FM", "MH", "PW", "AA",
    "AE", "AP",
))
# fmt: on
"""USPS Publication 28, appendix B: states, district, possessions, freely associated, military."""


def _cached(pattern: re.Pattern[str], size: int) -> Callable[[str], bool]:
    match = pattern.fullmatch

    @lru_cache(maxsize=size)
    def is_shaped(text: str) -> bool:
        return match(text) is not None

    return is_shaped


is_icd10cm = _cached(_ICD10CM, 65_536)
is_icd10pcs = _cached(_ICD10PCS, 65_536)
is_modifier = _cached(_MODIFIER, 2_048)
is_revenue_code = _cached(_REVENUE_CODE, 4_096)
is_type_of_bill = _cached(_TYPE_OF_BILL, 256)
is_place_of_service = _cached(_PLACE_OF_SERVICE, 256)
is_tax_id = _cached(_TAX_ID, 16_384)
is_zip = _cached(_ZIP, 65_536)
is_nine_digit_zip = _cached(_ZIP_NINE, 16_384)


@lru_cache(maxsize=65_536)
def is_npi(npi: str) -> bool:
    """Ten digits, the first 1 or 2, of which the last is the Luhn check digit over 80840 and the
    nine before it (45 CFR 162.406; CMS, "Requirements for National Provider Identifier")."""
    if _NPI.fullmatch(npi) is None:
        return False
    digits = [int(character) for character in npi]
    total = _PREFIX_SUM + sum(digits[1::2]) + sum(_DOUBLED[digit] for digit in digits[0::2])
    return total % 10 == 0


@lru_cache(maxsize=65_536)
def is_procedure(qualifier: str, code: str) -> bool:
    """Whether a code has the form of its kind: HC CPT or HCPCS, AD dental (CDT), HP HIPPS. Codes
    of other qualifiers have none that we know."""
    pattern = _PROCEDURE_BY_QUALIFIER.get(qualifier)
    return pattern is None or pattern.fullmatch(code) is not None


@lru_cache(maxsize=16_384)
def is_post_office_box(street: str) -> bool:
    """Whether a street line is a post office box or lock box."""
    return _PO_BOX.search(street) is not None
