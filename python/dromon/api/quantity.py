"""Quantities: "500m" CPU, "1Gi" of memory; exact arithmetic and the canonical form that is stored.

Source: the API reference's Quantity (apimachinery's pkg/api/resource). A quantity is a decimal number with
a suffix: decimal (n u m "" k M G T P E), binary (Ki Mi Gi Ti Pi Ei) or an exponent (e3, E-3). The suffix a
client chose decides the family that the canonical form uses. Nothing smaller than a nano is kept (rounded
away from zero), and binary quantities are capped at 2^63-1, both as upstream.

Neighbours: kinds (defaults make quantities canonical, validation compares them), scheduler, kubelet.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache

from dromon.api.types.base import Quantity

Number = int | Fraction

_SHAPE = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?([eEinumkKMGTP]*[-+]?\d*)", re.ASCII).fullmatch
_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_DECIMAL_SUFFIX = {exponent: suffix for suffix, exponent in _DECIMAL.items()}
_BINARY_SUFFIX = {exponent: suffix for suffix, exponent in _BINARY.items()} | {0: ""}
_NANO = 10**9
_MAX_BINARY = 2**63 - 1
_MAX_LENGTH = 100
_MAX_EXPONENT = 100
"""No real amount comes near it, and without a bound "1e999999999" would cost gigabytes."""


def parse(quantity: Quantity) -> Number:
    """The exact number; an int where it is one.

    Raises:
        ValueError: it is no quantity; the text is upstream's.
    """
    return _split(str(quantity))[0]


def milli(quantity: Quantity) -> int:
    """The number of thousandths, rounded up ("1" -> 1000): the scheduler's unit of CPU."""
    return _up(parse(quantity) * 1000)


def value(quantity: Quantity) -> int:
    """The number of whole units, rounded up ("1500m" -> 2): bytes, counts."""
    return _up(parse(quantity))


def canonical(quantity: Quantity) -> str:
    """The one spelling of the amount in its family: "1000m" -> "1", 0.5 -> "500m", "1024Mi" -> "1Gi".

    The mantissa has no fraction and the suffix is the largest that allows it.

    Raises:
        ValueError: it is no quantity.
    """
    return _canonical(str(quantity))


def canonical_milli(quantity: Quantity) -> str:
    """As `canonical`, rounded up to thousandths: what lists of resources hold ("0.1m" -> "1m")."""
    return _canonical_milli(str(quantity))


def spell(number: Number, like: Quantity = "0") -> str:
    """A computed amount in canonical form, in the suffix family of `like` ("1Gi" -> binary)."""
    return _spell(number, _split(str(like))[1])


@lru_cache(maxsize=8192)
def _canonical(text: str) -> str:
    return _spell(*_split(text))


@lru_cache(maxsize=8192)
def _canonical_milli(text: str) -> str:
    number, family = _split(text)
    if isinstance(number, Fraction):
        number = _exact(Fraction(_up(number * 1000), 1000))
    return _spell(number, family)


@lru_cache(maxsize=8192)
def _split(text: str) -> tuple[Number, str]:
    """The number and the family of its suffix: "binary", "decimal" or "exponent"."""
    match = _SHAPE(text) if len(text) <= _MAX_LENGTH else None
    if match is None or not (match[2] or match[3]):
        raise ValueError(_WRONG)
    sign, whole, decimals, suffix = match.groups(default="")
    family, base, exponent = _interpret(suffix)
    factor = Fraction(base**exponent) if exponent >= 0 else Fraction(1, base**-exponent)
    number = Fraction(int((whole + decimals) or "0"), 10 ** len(decimals)) * factor
    scaled = number * _NANO
    if scaled.denominator != 1:
        number = Fraction(_up(scaled), _NANO)
    if family == "binary":
        number = min(number, Fraction(_MAX_BINARY))
    return _exact(-number if sign == "-" else number), family


def _interpret(suffix: str) -> tuple[str, int, int]:
    """Suffix -> family, base, exponent."""
    if suffix in _DECIMAL:
        return "decimal", 10, _DECIMAL[suffix]
    if suffix in _BINARY:
        return "binary", 2, _BINARY[suffix]
    if suffix[0] in "eE":
        try:
            exponent = int(suffix[1:])
        except ValueError:
            exponent = _MAX_EXPONENT + 1
        if abs(exponent) <= _MAX_EXPONENT:
            return "exponent", 10, exponent
    raise ValueError("unable to parse quantity's suffix")


def _spell(number: Number, family: str) -> str:
    if number == 0:
        return "0"
    if family == "binary" and not -1024 < number < 1024:
        return _spell_binary(_up(number))
    mantissa, exponent = _up(number * _NANO), -9
    top = 18 if family != "exponent" else _MAX_EXPONENT
    while exponent < top and mantissa % 1000 == 0:
        mantissa //= 1000
        exponent += 3
    if family == "exponent":
        return f"{mantissa}e{exponent}" if exponent else str(mantissa)
    return f"{mantissa}{_DECIMAL_SUFFIX[exponent]}"


def _spell_binary(mantissa: int) -> str:
    exponent = 0
    while exponent < 60 and mantissa % 1024 == 0:
        mantissa //= 1024
        exponent += 10
    return f"{mantissa}{_BINARY_SUFFIX[exponent]}"


def _exact(number: Fraction) -> Number:
    return number.numerator if number.denominator == 1 else number


def _up(number: Number) -> int:
    """Rounded away from zero."""
    if isinstance(number, int):
        return number
    whole, rest = divmod(abs(number.numerator), number.denominator)
    whole += 1 if rest else 0
    return whole if number >= 0 else -whole
