"""Quantities: the canonical form, and arithmetic that never loses anything."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.api import quantity

CANONICAL = [
    ("0", "0"),
    ("-0", "0"),
    ("1000m", "1"),
    (0.5, "500m"),
    (1000, "1k"),
    ("1.5", "1500m"),
    ("100m", "100m"),
    ("1024Mi", "1Gi"),
    ("1.5Gi", "1536Mi"),
    ("0.5Ki", "512"),
    ("1023Ki", "1023Ki"),
    ("1e3", "1e3"),
    ("1500e-3", "1500e-3"),
    ("1E", "1E"),
    ("1E3", "1e3"),
    ("+5", "5"),
    ("007", "7"),
    ("-1500m", "-1500m"),
    ("1000000n", "1m"),
    ("0.1n", "1n"),
    (".5", "500m"),
    ("5.", "5"),
]


@pytest.mark.parametrize(("given_", "wanted"), CANONICAL)
def test_canonical_form(given_: str | float, wanted: str) -> None:
    assert quantity.canonical(given_) == wanted


@pytest.mark.parametrize(
    "text", ["", ".", "..", "1 ", " 1", "1Kib", "ki", "e3", "0x10", "1,5", "١", "--1", "1" * 200, "nan"]
)
def test_what_is_no_quantity_is_refused_with_the_rule(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        quantity.parse(text)


@pytest.mark.parametrize("text", ["1ki", "1e", "1KMi", "1e999999999", "1mm"])
def test_unknown_suffixes_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="unable to parse quantity's suffix"):
        quantity.parse(text)


def test_lists_of_resources_round_up_to_thousandths() -> None:
    assert quantity.canonical_milli("0.1m") == "1m"
    assert quantity.canonical_milli("1.0001") == "1001m"
    assert quantity.canonical_milli("2Gi") == "2Gi"


def test_whole_units_and_thousandths_round_up() -> None:
    assert quantity.milli("100m") == 100
    assert quantity.milli("0.0001") == 1
    assert quantity.value("1500m") == 2
    assert quantity.value("1Gi") == 2**30


def test_binary_amounts_stop_at_what_clients_can_hold() -> None:
    assert quantity.parse("100Ei") == 2**63 - 1


def test_computed_amounts_keep_the_family_of_their_source() -> None:
    assert quantity.spell(3 * 2**30, like="1Gi") == "3Gi"
    assert quantity.spell(Fraction(1, 2), like="1") == "500m"


suffixes = st.sampled_from(
    ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "e3", "E-2"]
)


@given(st.decimals(min_value=-(10**6), max_value=10**6, places=3), suffixes)
@settings(max_examples=300)
def test_the_canonical_form_means_the_same_and_is_stable(number: object, suffix: str) -> None:
    text = f"{number}{suffix}"
    canonical = quantity.canonical(text)
    assert quantity.canonical(canonical) == canonical
    if suffix.endswith("i"):  # whole units: bytes have no fractions
        assert quantity.value(canonical) == quantity.value(text)
    else:
        assert quantity.parse(canonical) == quantity.parse(text)


@given(st.text(alphabet="0123456789.+-eEinumkKMGTP", max_size=12))
@settings(max_examples=300)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        number = quantity.parse(text)
    except ValueError:
        return
    assert number == quantity.parse(text)
    assert quantity.canonical(text)
