"""The admission units that are on, in upstream's order.

Neighbours: admission and priority have the units; server gives the chain to the registry.
"""

from __future__ import annotations

from collections.abc import Sequence

from dromon.api.kinds import NAMESPACES, PRIORITY_CLASSES
from dromon.apiserver.admission import (
    Admission,
    DefaultTolerationSeconds,
    NamespaceLifecycle,
    ServiceAccountDefault,
)
from dromon.apiserver.priority import Priority
from dromon.store.cache import CachedStore


def default_chain(store: CachedStore) -> Sequence[Admission]:
    """The units, reading what they need to know from `store`."""
    return (
        NamespaceLifecycle(lambda name: store.get(NAMESPACES, "", name)),
        ServiceAccountDefault(),
        Priority(lambda: store.everything(PRIORITY_CLASSES)),
        DefaultTolerationSeconds(),
    )
