"""Wire times: RFC 3339 text <-> seconds since the epoch, and the short ages that tables show.

Source: meta/v1 Time (whole seconds, UTC) and MicroTime (six digits of a second).

Neighbours: whoever stamps or reads a timestamp; base.clock gives the seconds.
"""

from __future__ import annotations

import math
from calendar import timegm
from datetime import datetime
from functools import lru_cache
from time import gmtime

from dromon.api.types.base import MicroTime, Time

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86400, 365 * 86400


def format(seconds: float) -> Time:
    """Seconds since the epoch as metav1.Time, cut to whole seconds: "2014-06-10T18:30:00Z"."""
    return _format(math.floor(seconds))


def micro(seconds: float) -> MicroTime:
    """Seconds since the epoch as metav1.MicroTime: "2014-06-10T18:30:00.000000Z"."""
    whole, rest = divmod(round(seconds * 1_000_000), 1_000_000)
    return f"{_format(whole)[:-1]}.{rest:06d}Z"


def parse(time: Time) -> float:
    """RFC 3339 text (any offset, any number of decimals) as seconds since the epoch.

    Raises:
        ValueError: it is no RFC 3339 time.
    """
    return _parse(time)


def age(time: Time | None, now: float) -> str:
    """How long ago `time` was, as tables show it; "<unknown>" for None."""
    if not time:
        return "<unknown>"
    try:
        return human(now - _parse(time))
    except ValueError:
        return "<invalid>"


def human(seconds: float) -> str:
    """A duration as upstream's tables round it: "5s", "2m10s", "3h", "4d", "2y30d".

    Two units while the second still matters, one beyond. A clock up to a second ahead of ours counts as "0s".
    """
    whole = math.trunc(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * _MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 10 * _MINUTE:
        return _two(whole, _MINUTE, "m", 1, "s")
    if whole < 3 * _HOUR:
        return f"{whole // _MINUTE}m"
    if whole < 8 * _HOUR:
        return _two(whole, _HOUR, "h", _MINUTE, "m")
    if whole < 2 * _DAY:
        return f"{whole // _HOUR}h"
    if whole < 8 * _DAY:
        return _two(whole, _DAY, "d", _HOUR, "h")
    if whole < 2 * _YEAR:
        return f"{whole // _DAY}d"
    if whole < 8 * _YEAR:
        return _two(whole, _YEAR, "y", _DAY, "d")
    return f"{whole // _YEAR}y"


def _two(whole: int, unit: int, name: str, small: int, small_name: str) -> str:
    count, rest = divmod(whole, unit)
    rest //= small
    return f"{count}{name}{rest}{small_name}" if rest else f"{count}{name}"


@lru_cache(maxsize=256)
def _format(whole: int) -> str:
    t = gmtime(whole)
    return f"{t[0]:04d}-{t[1]:02d}-{t[2]:02d}T{t[3]:02d}:{t[4]:02d}:{t[5]:02d}Z"


@lru_cache(maxsize=4096)
def _parse(text: str) -> float:
    if len(text) == 20 and text[19] == "Z" and text[10] == "T" and text.isascii():
        try:
            parts = (text[0:4], text[5:7], text[8:10], text[11:13], text[14:16], text[17:19])
            year, month, day, hour, minute, second = map(int, parts)
            datetime(year, month, day, hour, minute, min(second, 59))
            return float(timegm((year, month, day, hour, minute, second)))
        except ValueError:
            raise ValueError(f'cannot parse "{text}" as an RFC 3339 time') from None
    try:
        moment = datetime.fromisoformat(text.upper())
    except ValueError:
        raise ValueError(f'cannot parse "{text}" as an RFC 3339 time') from None
    if moment.tzinfo is None:
        raise ValueError(f'cannot parse "{text}" as an RFC 3339 time: it has no offset')
    return moment.timestamp()
