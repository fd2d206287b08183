"""A small 837P, built segment by segment, for tests that break one thing at a time."""

import io
from collections.abc import Iterable

from shared.x12.claims.reading import ReadClaim, read_claims
from shared.x12.errors import X12Problem

HEADER = [
    (
        "ISA*00*          *00*          *ZZ*HOSPITAL       *ZZ*CLEARING       "
        "*240102*1200*^*00501*000000001*0*T*:"
    ),
    "GS*HC*HOSPITAL*CLEARING*20240102*1200*1*X*005010X222A1",
]
SET_HEADER = [
    "ST*837*0001*005010X222A1",
    "BHT*0019*00*B1*20240102*1200*CH",
    "NM1*41*2*HOSPITAL*****46*H1",
    "PER*IC*FRONT DESK*TE*5550000000",
    "NM1*40*2*CLEARING*****46*C1",
    "HL*1**20*1",
    "NM1*85*2*CLINIC*****XX*1234567893",
    "N3*1 MAIN ST",
    "N4*TOWN*OH*441130000",
    "REF*EI*123456789",
    "HL*2*1*22*0",
    "SBR*P*18*******CI",
    "NM1*IL*1*DOE*JANE****MI*M1",
    "NM1*PR*2*PAYER*****PI*P1",
]


def claim(number: str, charge: str = "100") -> list[str]:
    """The segments of one claim with one line."""
    return [
        f"CLM*{number}*{charge}***11:B:1*Y*A*Y*Y",
        "HI*ABK:J209",
        "LX*1",
        f"SV1*HC:99213*{charge}*UN*1***1",
        "DTP*472*D8*20240101",
    ]


def transaction(*claims: Iterable[str]) -> list[str]:
    """One ST to SE with a right count."""
    rows = [*SET_HEADER, *(row for rows in claims for row in rows)]
    return [*rows, f"SE*{len(rows) + 1}*0001"]


def file(rows: Iterable[str], *, terminator: str = "~") -> bytes:
    """One interchange around the rows of a set."""
    return terminator.join([*HEADER, *rows, "GE*1*1", "IEA*1*000000001", ""]).encode()


def read(content: bytes) -> tuple[list[ReadClaim], list[X12Problem]]:
    """What reading gives: claims and problems apart."""
    found = list(read_claims(io.BytesIO(content), source="hospital"))
    claims = [part for part in found if isinstance(part, ReadClaim)]
    return claims, [part for part in found if isinstance(part, X12Problem)]


def codes(problems: Iterable[X12Problem]) -> list[str]:
    """The codes of all findings of some problems."""
    return [finding.code for problem in problems for finding in problem.findings]
