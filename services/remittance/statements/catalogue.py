"""The words on a bill: reasons, services and phrases, in each language.

It is apart because texts are data. Everything here is our own wording but the official names of
HCPCS Level II (CMS, third quarter 2024, public). CPT, CDT and NUBC texts are licensed and are not
here: their codes get a plain category by range, and an operator's own words come before ours.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import zstandard

from services.remittance.domain.patient_terms import DEFAULT_TERMS, BillingTerms, Language, Wording

_TEXTS = Path(__file__).parent / "texts"
_HCPCS = "hcpcs@2024-07-01.tsv.zst"


@dataclass(frozen=True, slots=True)
class CodeRange:
    """What the codes from `first` to `last` are, in plain words."""

    system: str
    first: str
    last: str
    words: Wording

    def holds(self, system: str, code: str) -> bool:
        return system == self.system and self.first <= code <= self.last


@dataclass(frozen=True, slots=True)
class ServiceWords:
    """A service in plain words; `official` is its public name, in English."""

    plain: str
    official: str | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    reasons: Mapping[str, Wording]
    ranges: tuple[CodeRange, ...]
    official: Mapping[str, str]
    phrases: Mapping[str, Wording]

    def service(
        self,
        code: str | None,
        revenue_code: str | None,
        language: Language,
        terms: BillingTerms = DEFAULT_TERMS,
    ) -> ServiceWords:
        """What a service is: by the operator's words, by the code's range, by the revenue code's,
        else only that it is a service."""
        official = _sentence(self.official.get(code or ""))
        for key in (code, revenue_code):
            own = terms.services.get(key or "")
            if own is not None:
                return ServiceWords(own.in_language(language), official)
        for system, value in (("code", code), ("revenue", revenue_code)):
            for one in self.ranges if value else ():
                if one.holds(system, value or ""):
                    return ServiceWords(one.words.in_language(language), official)
        return ServiceWords(self.phrases["health_service"].in_language(language), official)

    def reason(self, code: str, language: Language) -> str | None:
        """Why a payer changed an amount; None for a reason that is not in the catalogue."""
        words = self.reasons.get(code)
        return words.in_language(language) if words else None

    def phrase(self, key: str, language: Language, terms: BillingTerms = DEFAULT_TERMS) -> str:
        return (terms.phrases.get(key) or self.phrases[key]).in_language(language)


@cache
def catalogue() -> Catalogue:
    """What ships with us."""
    return Catalogue(
        reasons={code: Wording(en=en, es=es) for code, en, es in _rows("reasons.tsv")},
        ranges=tuple(
            CodeRange(system, first, last, Wording(en=en, es=es))
            for system, first, last, en, es in _rows("services.tsv")
        ),
        official=dict(_official()),
        phrases={key: Wording(en=en, es=es) for key, en, es in _rows("phrases.tsv")},
    )


def _rows(name: str) -> Iterator[list[str]]:
    lines = (_TEXTS / name).read_text("utf-8").splitlines()
    yield from (line.split("\t") for line in lines[1:])


def _official() -> Iterator[tuple[str, str]]:
    text = zstandard.ZstdDecompressor().decompress((_TEXTS / _HCPCS).read_bytes()).decode()
    for line in text.splitlines():
        code, _, name = line.partition("\t")
        yield code, name


def _sentence(name: str | None) -> str | None:
    return name and name[0].upper() + name[1:]
