"""What modifiers mean to the checks: groups by what they say, in our own words.

Values are public (CMS HCPCS Level II modifiers; the numeric ones are CPT's, whose texts are
licensed). The modifiers that let an NCCI pair pass are those of the NCCI Policy Manual, chapter I,
section E.
"""

import re
from functools import lru_cache

_EVALUATION = re.compile(
    r"99(?:2(?:0[2-9]|[1-9]\d)|3\d\d|4\d\d)|920(?:02|04|12|14)|980(?:0\d|1[0-6])"
    r"|G0402|G0438|G0439|G0463|S061[0-3]|T1015"
)
_LABORATORY = re.compile(
    r"8[0-9]\d{3}|\d{4}U|P[23]\d{3}|G0(?:306|307|328|43[235]|472|47[56]|48[0-3]|499|659)"
)
_ANESTHESIA = re.compile(r"0[01]\d{3}")

# fmt: off
NUMERIC = frozenset((
    "22", "23", "24", "25", "26", "27", "32", "33", "47", "50", "51", "52", "53", "54", "55", "56",
    "57", "58", "59", "62", "63", "66", "73", "74", "76", "77", "78", "79", "80", "81", "82", "90",
    "91", "92", "93", "95", "96", "97", "99",
))
"""All modifiers of two digits."""

FINGERS_AND_TOES = frozenset((
    "FA", "F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8", "F9",
    "TA", "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9",
))
# fmt: on
EYELIDS = frozenset(("E1", "E2", "E3", "E4"))
VESSELS = frozenset(("LC", "LD", "RC", "LM", "RI"))
SIDES = frozenset(("LT", "RT"))
ANATOMIC = EYELIDS | FINGERS_AND_TOES | VESSELS | SIDES
VISIT = frozenset(("24", "25", "57"))
"""On visits only: unrelated after surgery, separate on the day, decision for surgery."""
STAGED = frozenset(("58", "78", "79"))
DISTINCT = frozenset(("59", "XE", "XS", "XP", "XU"))
ELSEWHERE = frozenset(("27", "91"))
PASSES_PAIR = ANATOMIC | VISIT | STAGED | DISTINCT | ELSEWHERE

ASSISTANTS = frozenset(("80", "81", "82", "AS"))
TELEHEALTH = frozenset(("93", "95", "FQ", "GQ", "GT"))
FACILITY_ONLY = frozenset(("27", "73", "74"))
PROFESSIONAL_ONLY = frozenset(("53", "54", "55", "56", "62", "66", "AS", "80", "81", "82"))
COMPONENTS = frozenset(("26", "TC"))
NON_COVERAGE = frozenset(("GA", "GX", "GY", "GZ"))

LEFT = frozenset(("LT", "E1", "E2", "FA", "F1", "F2", "F3", "F4", "TA", "T1", "T2", "T3", "T4"))
RIGHT = frozenset(("RT", "E3", "E4", "F5", "F6", "F7", "F8", "F9", "T5", "T6", "T7", "T8", "T9"))


@lru_cache(maxsize=8_192)
def is_visit(code: str) -> bool:
    """Evaluation and management, the eye visits, and the HCPCS codes that stand for visits."""
    return _EVALUATION.fullmatch(code) is not None


@lru_cache(maxsize=8_192)
def is_laboratory(code: str) -> bool:
    return _LABORATORY.fullmatch(code) is not None


@lru_cache(maxsize=8_192)
def is_anesthesia(code: str) -> bool:
    """CPT 00100 to 01999."""
    return _ANESTHESIA.fullmatch(code) is not None
