"""Control numbers as ISA13 writes them and payers repeat them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.submission.domain.control_numbers import (
    LARGEST,
    ControlNumbersUsedUpError,
    format_control_number,
    parse_control_number,
)


@given(st.integers(1, LARGEST))
def test_a_number_is_nine_digits_and_reads_back_with_or_without_zeros(number: int) -> None:
    text = format_control_number(number)
    assert len(text) == 9
    assert parse_control_number(text) == parse_control_number(str(number)) == number


def test_numbers_are_never_started_over() -> None:
    with pytest.raises(ControlNumbersUsedUpError):
        format_control_number(LARGEST + 1)


@pytest.mark.parametrize("text", ["", "ABC", "12-3", "1234567890", "١٢"])
def test_what_is_no_control_number_is_none(text: str) -> None:
    assert parse_control_number(text) is None
