"""Binding (core/v1).

Neighbours: types.pod has its struct.
"""

from __future__ import annotations

from dromon.api.resource import Resource
from dromon.api.types.pod import Binding

BINDINGS: Resource[Binding] = Resource(
    group="",
    version="v1",
    kind="Binding",
    plural="bindings",
    struct=Binding,
    list_struct=None,
    verbs=("create",),
)
