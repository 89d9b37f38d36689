"""Watch responses as batches: whole revisions, in order. Pure.

Neighbours: watch reads the responses; layout says how revisions are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from aetcd import rpc

from dromon.store.etcd.layout import Layout
from dromon.store.interface import Batch, Change


def batches(events: Iterable[Any], layout: Layout, prefix: str, after: int) -> Iterator[Batch]:
    """The batches of one response that touch `prefix` and are newer than `after`.

    Args:
        events: in the order of their revisions, none of which is split between responses.
    """
    start = layout.key(prefix)
    for revision, together in groupby(events, key=lambda e: e.kv.mod_revision):
        found = [
            (layout.shown(e.kv.key, revision), _change(e, layout))
            for e in together
            if e.kv.key.startswith(start) and not layout.own(e.kv.key)
        ]
        found.sort(key=lambda pair: pair[0])  # stable: one commit's keys of the same slot keep their order
        for shown, changes in groupby(found, key=lambda pair: pair[0]):
            if shown > after:
                yield Batch(shown, tuple(c for _, c in changes))


def _change(event: Any, layout: Layout) -> Change:
    kv = event.kv
    name = layout.name(kv.key)
    previous = event.prev_kv.value if event.HasField("prev_kv") else None
    if event.type == rpc.Event.DELETE:
        created = event.prev_kv.create_revision
        return Change(name, None, previous, layout.shown(kv.key, created))
    return Change(name, kv.value, previous, layout.shown(kv.key, kv.create_revision))
