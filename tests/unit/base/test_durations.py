"""Durations as Go spells them, and as plain seconds."""

from __future__ import annotations

import pytest

from dromon.base import durations


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15s", 15),
        ("1m30s", 90),
        ("500ms", 0.5),
        ("1.5h", 5400),
        (".5s", 0.5),
        ("-2s", -2),
        ("15", 15),
        ("0", 0),
        ("2.5", 2.5),
    ],
)
def test_spellings(text: str, seconds: float) -> None:
    assert durations.parse(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-", "15x", "1s2", "1 s", "s15", "nan", "inf", "1ss"])
def test_nonsense(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        durations.parse(text)
