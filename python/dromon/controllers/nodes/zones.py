"""How fast pods may be driven away: less, or not at all, where most of a zone seems lost. Pure functions.

When every node falls silent at once, it is our own view that is broken, not the nodes: nothing is evicted.

Source: Kubernetes documentation, "Nodes: rate limits on eviction".

Neighbours: lifecycle.py counts nodes and asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum

from dromon.controllers.nodes import health
from dromon.controllers.views import NodeView

REGION_LABEL = "topology.kubernetes.io/region"
ZONE_LABEL = "topology.kubernetes.io/zone"


class ZoneState(Enum):
    """How much of a zone is ready."""

    NORMAL = "Normal"
    PARTIAL = "PartialDisruption"
    FULL = "FullDisruption"


@dataclass(frozen=True, slots=True)
class Rates:
    """Nodes a second that may begin to lose their pods (ControllerManagerConfig has the meaning)."""

    normal: float = 0.1
    secondary: float = 0.01
    large: int = 50
    threshold: float = 0.55


@dataclass(slots=True)
class Zone:
    """Counted nodes."""

    ready: int = 0
    not_ready: int = 0

    def state(self, threshold: float) -> ZoneState:
        """Three lost nodes or more are needed for a disruption that is not full."""
        if self.not_ready and not self.ready:
            return ZoneState.FULL
        share = self.not_ready / max(self.ready + self.not_ready, 1)
        return ZoneState.PARTIAL if self.not_ready > 2 and share >= threshold else ZoneState.NORMAL


def zone_of(node: NodeView) -> str:
    """The zone that a node is in; nodes without labels share one."""
    labels = node.metadata.labels
    return f"{labels.get(REGION_LABEL, '')}:{labels.get(ZONE_LABEL, '')}"


def count(nodes: Iterable[NodeView]) -> dict[str, Zone]:
    """Ready and other nodes by zone."""
    zones: dict[str, Zone] = {}
    for node in nodes:
        zone = zones.setdefault(zone_of(node), Zone())
        if health.ready_status(node) == "True":
            zone.ready += 1
        else:
            zone.not_ready += 1
    return zones


def all_lost(zones: Mapping[str, Zone], rates: Rates) -> bool:
    """Whether every zone is fully disrupted."""
    return bool(zones) and all(z.state(rates.threshold) is ZoneState.FULL for z in zones.values())


def rate(zone: str, zones: Mapping[str, Zone], rates: Rates) -> float:
    """Nodes of the zone a second that may be given a NoExecute taint; 0: none."""
    counted = zones.get(zone)
    if counted is None or all_lost(zones, rates):
        return 0.0
    if counted.state(rates.threshold) is not ZoneState.PARTIAL:
        return rates.normal
    return rates.secondary if counted.ready + counted.not_ready > rates.large else 0.0
