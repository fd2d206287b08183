"""Each rule of the door: broken by the smallest change, with the path of what broke it."""

from datetime import date
from typing import Any

import pytest

from services.intake.domain.acceptance import RULES, control_characters, findings_of
from services.intake.domain.identity import fingerprint
from shared.contract.claim import Claim, Insured, Payer, Provider, ServiceLine

BAD = Provider(name="X", npi="12345")


def lines(*numbers: int) -> tuple[ServiceLine, ...]:
    return tuple(ServiceLine(number=number, charge=0) for number in numbers)


BROKEN: list[tuple[str, dict[str, Any], str]] = [
    ("patient-control-number", {"patient_control_number": "  "}, "patient_control_number"),
    ("patient-control-number", {"patient_control_number": "9" * 39}, "patient_control_number"),
    ("no-service-lines", {"service_lines": ()}, "service_lines"),
    ("payer-not-identified", {"payer": Payer(name="SOMEONE")}, "payer.identifier"),
    ("billing-provider-missing", {"billing_provider": Provider()}, "billing_provider"),
    ("subscriber-missing", {"subscriber": Insured()}, "subscriber"),
    ("line-number", {"service_lines": lines(1, 1)}, "service_lines[1].number"),
    ("line-number", {"service_lines": lines(1, 0)}, "service_lines[1].number"),
    ("line-number", {"service_lines": lines(1, 1000)}, "service_lines[1].number"),
    (
        "line-control-number",
        {"service_lines": (ServiceLine(number=1, charge=0, line_control_number="9" * 31),)},
        "service_lines[0].line_control_number",
    ),
    ("npi-malformed", {"billing_provider": BAD}, "billing_provider.npi"),
    ("npi-malformed", {"referring_providers": (BAD,)}, "referring_providers[0].npi"),
    (
        "npi-malformed",
        {"service_lines": (ServiceLine(number=1, charge=0, rendering_provider=BAD),)},
        "service_lines[0].rendering_provider.npi",
    ),
    (
        "date-implausible",
        {"subscriber": Insured(name="DOE", birth_date=date(180, 1, 1))},
        "subscriber.birth_date",
    ),
    ("date-implausible", {"statement_from": date(1, 3, 3)}, "statement_from"),
    (
        "date-implausible",
        {"service_lines": (ServiceLine(number=1, charge=0, service_from=date(202, 1, 1)),)},
        "service_lines[0].service_from",
    ),
]


def test_a_claim_with_what_we_need_comes_in(claim: Claim) -> None:
    assert findings_of(claim) == ()


@pytest.mark.parametrize(("rule", "change", "path"), BROKEN)
def test_the_smallest_break_is_refused_at_its_path(
    rule: str, change: dict[str, Any], path: str, claim: Claim
) -> None:
    found = [
        (finding.code, finding.path) for finding in findings_of(claim.model_copy(update=change))
    ]
    assert found == [(rule, path)]


def test_every_rule_has_a_case_that_breaks_it() -> None:
    assert {rule.code for rule in RULES} == {row[0] for row in BROKEN}


def test_a_wrong_check_digit_is_codings_to_find(claim: Claim) -> None:
    billing = Provider(name="X", npi="1234567890")
    assert findings_of(claim.model_copy(update={"billing_provider": billing})) == ()


@pytest.mark.parametrize("text", ["A\nB", "A\tB", "A\x00B", "\x1f", "\\\n"])
def test_a_text_that_no_837_can_carry_is_refused(text: str, claim: Claim) -> None:
    broken = claim.model_copy(update={"subscriber": Insured(name=text)})
    (finding,) = control_characters(broken, fingerprint(broken)[1])
    assert (finding.code, finding.path) == ("control-character", "subscriber.name")


@pytest.mark.parametrize("text", ["A\\nB", "\\\\t", "MÜLLER", 'SAY "A"'])
def test_backslashes_quotes_and_letters_of_other_languages_are_text(
    text: str, claim: Claim
) -> None:
    fine = claim.model_copy(update={"subscriber": Insured(name=text)})
    assert control_characters(fine, fingerprint(fine)[1]) == ()
