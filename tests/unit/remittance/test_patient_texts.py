"""The words on bills: enough of them, in both languages, and for a reader of 12."""

import re
from itertools import pairwise

import pytest

from services.remittance.domain.patient_terms import BillingTerms, Wording
from services.remittance.statements.catalogue import catalogue

TEXTS = catalogue()
_COMMON = (
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 18 19 20 21 22 23 24 26 27 29 31 32 33 34 35 39 40 44 "
    "45 49 50 51 53 54 55 56 58 59 60 61 66 69 70 78 85 89 94 95 96 97 100 101 102 103 104 105 106 "
    "107 108 109 110 111 112 114 115 116 117 118 119 121 122 128 129 130 131 132 133 134 135 136 "
    "137 139 140 142 143 144 146 147 148 149 150 151 152 153 154 155 157 158 159 160 161 163 164 "
    "165 166 167 169 170 171 172 173 174 175 176 177 178 179 180 181 182 183 184 185 186 187 188 "
    "189 190 193 194 197 198 199 200 201 202 203 204 206 207 208 209 210 215 216 222 223 226 227 "
    "231 234 235 236 237 242 243 246 247 248 249 250 251 252 253 256 257 258 272 273 275 276 284 "
    "288 296 A0 A1 A6 A8 B1 B4 B7 B8 B9 B10 B11 B12 B13 B14 B15 B16 B20 B22 B23"
)
"""Claim adjustment reason codes: the values alone, as payers send them."""
JARGON = re.compile(
    r"\b(adjudicat\w*|remit\w*|CARC|beneficiar\w*|precertif\w*|liabilit\w*|allowable|subscriber|"
    r"indemnif\w*|pursuant|herein|reimburse\w*|payer)\b",
    re.IGNORECASE,
)


def _syllables(word: str) -> int:
    """Groups of vowels, less a silent final e."""
    groups = len(re.findall(r"[aeiouy]+", word))
    return max(1, groups - (word.endswith("e") and not word.endswith(("le", "ee"))))


def _grade(texts: list[str]) -> float:
    """Flesch-Kincaid grade level: 0.39 words a sentence + 11.8 syllables a word - 15.59."""
    sentences = sum(max(1, len(re.findall(r"[.!?:;](?:\s|$)", text))) for text in texts)
    words = [word for text in texts for word in re.findall(r"[a-z']+", text.lower())]
    syllables = sum(_syllables(word) for word in words)
    return 0.39 * len(words) / sentences + 11.8 * syllables / len(words) - 15.59


def test_at_least_the_120_commonest_reasons_have_words() -> None:
    missing = [code for code in _COMMON.split() if code not in TEXTS.reasons]
    assert missing == []
    assert len(_COMMON.split()) >= 120


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_text_is_there_in_both_languages_and_short(language: str) -> None:
    for words in (*TEXTS.reasons.values(), *TEXTS.phrases.values()):
        text = getattr(words, language)
        assert text.strip() == text != ""
    longest = max((getattr(words, language) for words in TEXTS.reasons.values()), key=len)
    assert len(longest.split()) <= 20, longest


def test_the_english_is_for_a_reader_of_12() -> None:
    """A child of 12 is in grade 6 or 7."""
    texts = [words.en for words in TEXTS.reasons.values()]
    assert _grade(texts) <= 7
    assert _grade([words.en for words in TEXTS.phrases.values()]) <= 7
    for text in (*texts, *(words.en for words in TEXTS.phrases.values())):
        assert JARGON.search(text) is None, text


def test_spanish_is_not_english() -> None:
    same = [code for code, words in TEXTS.reasons.items() if words.en == words.es]
    assert same == []


@pytest.mark.parametrize(
    ("code", "revenue_code", "plain", "has_official"),
    [
        ("99213", None, "Visit with a doctor", False),
        ("80053", None, "Lab test", False),
        ("71046", None, "Pictures of the inside of the body", False),
        ("36415", None, "Taking a blood sample", False),
        ("D1110", None, "Dental cleaning", False),
        ("J1885", None, "Medicine given by your care team", True),
        ("E0110", None, "Medical equipment for use at home", True),
        (None, "0450", "Emergency room", False),
        ("XX999", "0450", "Emergency room", False),
        ("XX999", None, "Health care service", False),
        (None, None, "Health care service", False),
    ],
)
def test_a_service_is_said_in_plain_words(
    code: str | None, revenue_code: str | None, plain: str, *, has_official: bool
) -> None:
    words = TEXTS.service(code, revenue_code, "en")
    assert words.plain.startswith(plain)
    assert (words.official is not None) == has_official
    assert TEXTS.service(code, revenue_code, "es").plain != words.plain


def test_the_operators_words_come_before_ours() -> None:
    own = BillingTerms(services={"99213": Wording(en="Office visit", es="Consulta")})
    assert TEXTS.service("99213", None, "es", own).plain == "Consulta"


def test_every_level_2_code_has_a_plain_category() -> None:
    nameless = [
        code
        for code in TEXTS.official
        if TEXTS.service(code, None, "en").plain == TEXTS.phrases["health_service"].en
    ]
    assert nameless == []


def test_the_ranges_do_not_overlap_within_a_system() -> None:
    for system in ("code", "revenue"):
        ranges = sorted((one.first, one.last) for one in TEXTS.ranges if one.system == system)
        for (_, last), (first, _) in pairwise(ranges):
            assert last < first
