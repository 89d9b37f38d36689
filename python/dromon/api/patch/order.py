"""The order of a merged list: the patch's elements as the patch has them, the others as they were.

Neighbours: strategic (its only user).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Ident = tuple[bool, Any]


def ident(value: Any) -> Ident:
    """A scalar made hashable such that true is not 1."""
    return isinstance(value, bool), value


def in_order(items: Sequence[Ident], order: Sequence[Ident]) -> bool:
    """Whether `items` is a subsequence of `order`."""
    rest = iter(order)
    return all(item in rest for item in items)


def arrange(merged: Sequence[tuple[Ident, Any]], wanted: Sequence[Ident], live: Sequence[Ident]) -> list[Any]:
    """The elements of `merged` in their final order.

    Those that `wanted` names keep its order; the others keep the order of `live`; the two are interleaved
    as `live` had them where it can tell, and the wanted ones come first where it can't.

    Args:
        merged: identity and element.  wanted: the patch's order.  live: the order before the patch.
    """
    rank = {name: i for i, name in reversed(list(enumerate(wanted)))}
    place = {name: i for i, name in reversed(list(enumerate(live)))}
    last = len(place) + len(merged)
    ours = sorted((m for m in merged if m[0] in rank), key=lambda m: rank[m[0]])
    others = sorted((m for m in merged if m[0] not in rank), key=lambda m: place.get(m[0], last))
    result: list[Any] = []
    i = 0
    for name, item in ours:
        while i < len(others) and name in place and place.get(others[i][0], last) < place[name]:
            result.append(others[i][1])
            i += 1
        result.append(item)
    return result + [item for _, item in others[i:]]
