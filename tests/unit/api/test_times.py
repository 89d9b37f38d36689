"""Wire times and the ages that tables show."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api import times


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    assert times.format(0) == "1970-01-01T00:00:00Z"
    assert times.format(1402425000.9) == "2014-06-10T18:30:00Z"


def test_micro_times_have_six_digits_and_carry_over() -> None:
    assert times.micro(1402425000.25) == "2014-06-10T18:30:00.250000Z"
    assert times.micro(1402425000.9999999) == "2014-06-10T18:30:01.000000Z"


@pytest.mark.parametrize(
    "text",
    [
        "2014-06-10T18:30:00Z",
        "2014-06-10T20:30:00+02:00",
        "2014-06-10t18:30:00.000z",
        "2014-06-10T18:30:00.000000000Z"[:26] + "Z",
    ],
)
def test_all_spellings_of_a_moment_are_read(text: str) -> None:
    assert times.parse(text) == 1402425000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2014-06-10", "2014-06-10T18:30:00", "2014-13-10T18:30:00Z"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cannot parse"):
        times.parse(text)


@given(st.integers(min_value=0, max_value=4102444800))
@settings(max_examples=100)
def test_reading_undoes_writing(seconds: int) -> None:
    assert times.parse(times.format(seconds)) == seconds
    assert times.parse(times.micro(seconds)) == seconds


@pytest.mark.parametrize(
    ("seconds", "wanted"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (120, "2m"),
        (130, "2m10s"),
        (600, "10m"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (760 * 86400, "2y30d"),
        (8 * 365 * 86400, "8y"),
    ],
)
def test_ages_have_two_units_while_the_second_matters(seconds: float, wanted: str) -> None:
    assert times.human(seconds) == wanted


def test_an_age_that_nobody_knows() -> None:
    assert times.age(None, 0) == "<unknown>"
    assert times.age("nonsense", 0) == "<invalid>"
    assert times.age("1970-01-01T00:00:00Z", 5) == "5s"
