from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from shared.money import (
    MAX_CENTS,
    Cents,
    format_cents,
    format_decimal,
    parse_cents,
    parse_decimal_cents,
)

amounts = st.integers(-MAX_CENTS, MAX_CENTS)
cents = TypeAdapter(Cents)


@given(amounts)
def test_the_wire_form_and_the_x12_form_read_back_to_the_same_cents(amount: int) -> None:
    assert parse_cents(format_cents(amount)) == amount
    assert parse_decimal_cents(format_decimal(amount)) == amount


@given(amounts)
def test_both_forms_are_the_exact_decimal_of_the_amount(amount: int) -> None:
    assert Decimal(format_cents(amount)) * 100 == amount
    assert Decimal(format_decimal(amount)) * 100 == amount


@pytest.mark.parametrize("text", ["12", "12.5", "12.505", "1e3", "", " 1.00", "1.00 ", "NaN"])
def test_the_wire_takes_two_places_and_nothing_else(text: str) -> None:
    with pytest.raises(ValueError, match="two places"):
        parse_cents(text)


@pytest.mark.parametrize(
    ("text", "amount"),
    [("12", 1200), ("12.5", 1250), (".5", 50), ("-0.01", -1), ("+3", 300), ("7.1000", 710)],
)
def test_x12_decimals_are_read_exactly(text: str, amount: int) -> None:
    assert parse_decimal_cents(text) == amount


@pytest.mark.parametrize("text", ["", ".", "-", "1.005", "1,000", "1e2", "--1", "٣"])
def test_what_is_no_amount_of_whole_cents_is_refused_not_rounded(text: str) -> None:
    with pytest.raises(ValueError, match="amount"):
        parse_decimal_cents(text)


@pytest.mark.parametrize("document", [b"12", b"12.5", b"true", b"null", b'"12.5"'])
def test_json_amounts_are_strings_with_two_places(document: bytes) -> None:
    with pytest.raises(ValidationError):
        cents.validate_json(document)


@pytest.mark.parametrize("value", [12.5, True, MAX_CENTS + 1, Decimal("1.00")])
def test_code_amounts_are_bounded_integers(value: object) -> None:
    with pytest.raises(ValidationError):
        cents.validate_python(value)
