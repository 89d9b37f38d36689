"""Node (core/v1): a machine that runs pods.

Source: the API reference of Node v1.

Neighbours: the kubelet registers and reports it, node_columns has its table.
"""

from __future__ import annotations

from dromon.api.errors import FieldError, duplicate, forbidden_field
from dromon.api.kinds.addresses import cidr_errors
from dromon.api.kinds.node_columns import COLUMNS
from dromon.api.kinds.podspec.placement import check_taints
from dromon.api.kinds.resources import check_amounts, make_canonical
from dromon.api.resource import Resource, SelectableField, Strategy
from dromon.api.types.node import Node, NodeList, NodeStatus
from dromon.api.validation import invalid


class NodeStrategy(Strategy[Node]):
    """Defaults and validity of nodes. A kubelet may send the status when it registers."""

    def default(self, obj: Node) -> None:
        spec, status = obj.spec, obj.status
        if spec.pod_cidr:
            if not spec.pod_cidrs or spec.pod_cidrs[0] != spec.pod_cidr:
                spec.pod_cidrs = [spec.pod_cidr]
        elif spec.pod_cidrs:
            spec.pod_cidr = spec.pod_cidrs[0]
        if status.capacity:
            make_canonical(status.capacity)
            if not status.allocatable:
                status.allocatable = dict(status.capacity)
        make_canonical(status.allocatable)

    def validate(self, obj: Node) -> list[FieldError]:
        found: list[FieldError] = []
        check_taints(obj.spec.taints, "spec.taints", found)
        for i, cidr in enumerate(obj.spec.pod_cidrs):
            found += invalid(f"spec.podCIDRs[{i}]", cidr, cidr_errors(cidr))
        return found + _status_errors(obj.status)

    def prepare_for_update(self, new: Node, old: Node) -> None:
        new.status = old.status

    def validate_update(self, new: Node, old: Node) -> list[FieldError]:
        found: list[FieldError] = []
        if old.spec.pod_cidrs and new.spec.pod_cidrs != old.spec.pod_cidrs:
            text = 'node updates may not change podCIDR except from "" to valid'
            found.append(forbidden_field("spec.podCIDRs", text))
        if old.spec.provider_id and new.spec.provider_id != old.spec.provider_id:
            text = 'node updates may not change providerID except from "" to valid'
            found.append(forbidden_field("spec.providerID", text))
        return found

    def prepare_for_status_update(self, new: Node, old: Node) -> None:
        new.spec = old.spec

    def validate_status_update(self, new: Node, old: Node) -> list[FieldError]:
        return _status_errors(new.status)


def _status_errors(status: NodeStatus) -> list[FieldError]:
    found: list[FieldError] = []
    check_amounts(status.capacity, "status.capacity", found)
    check_amounts(status.allocatable, "status.allocatable", found)
    seen: set[tuple[str, str]] = set()
    for i, address in enumerate(status.addresses):
        if (address.type, address.address) in seen:
            found.append(duplicate(f"status.addresses[{i}]", address))
        seen.add((address.type, address.address))
    return found


NODES: Resource[Node] = Resource(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    struct=Node,
    list_struct=NodeList,
    namespaced=False,
    short_names=("no",),
    subresources=("status",),
    strategy=NodeStrategy(),
    columns=COLUMNS,
    fields=(SelectableField("spec.unschedulable", default="false"),),
)
