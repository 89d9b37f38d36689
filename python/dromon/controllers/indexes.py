"""The indexes of the shared informers: what lets each loop's cost follow the change (DESIGN, invariant 8).

A map selector ("App=Nifty,tier=web") is filed under one of its pairs. An object with n labels finds every
selector that may choose it by n look-ups, and a selector finds its pods by one.

Neighbours: informers.Informers gives them to each informer; the loops look up by the names here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from dromon.api.types.discovery import EndpointSlice
from dromon.api.types.meta import LabelSelector
from dromon.controllers import pods
from dromon.controllers.views import PodView

CONTROLLER = "controller"
"""pods and replica sets: uid of the managing owner."""
ORPHAN = "orphan"
"""pods and replica sets: namespace of those that nobody manages."""
NODE = "node"
"""pods: the node that they are bound to."""
LABEL = "label"
"""pods: each of their labels, as pair() gives it."""
STATE = "state"
"""pods: TERMINATED or UNSCHEDULED, for pod garbage collection."""
SELECTOR = "selector"
"""whatever selects pods: one pair of its selector."""
SERVICE = "service"
"""endpoint slices: the service that they belong to, "namespace/name"."""

TERMINATED = "terminated"
UNSCHEDULED = "unscheduled"

SERVICE_NAME_LABEL = "kubernetes.io/service-name"


def pair(namespace: str, key: str, value: str) -> str:
    """The index value of a label in a namespace."""
    return f"{namespace}/{key}={value}"


def pairs(namespace: str, labels: Mapping[str, str]) -> list[str]:
    """The index values of all labels of an object."""
    return [pair(namespace, k, v) for k, v in labels.items()]


def choosers(namespace: str, labels: Mapping[str, str]) -> list[str]:
    """The SELECTOR values under which everything that may choose an object with these labels is filed."""
    return [*pairs(namespace, labels), pair(namespace, "", "")]


def _controller(obj: Any) -> Iterator[str]:
    reference = pods.controller_of(obj.metadata)
    if reference is not None:
        yield reference.uid


def _orphan(obj: Any) -> Iterator[str]:
    if pods.controller_of(obj.metadata) is None:
        yield obj.metadata.namespace


def _pod_node(pod: PodView) -> Iterator[str]:
    if pod.spec.node_name:
        yield pod.spec.node_name


def _pod_labels(pod: PodView) -> list[str]:
    return pairs(pod.metadata.namespace, pod.metadata.labels)


def _pod_state(pod: PodView) -> Iterator[str]:
    if pods.is_terminated(pod):
        yield TERMINATED
    if pod.metadata.deletion_timestamp is not None and not pod.spec.node_name:
        yield UNSCHEDULED


def _selector(obj: Any) -> Iterator[str]:
    selector: dict[str, str] = obj.spec.selector
    if selector:
        key = min(selector)
        yield pair(obj.metadata.namespace, key, selector[key])


def _label_selector(obj: Any) -> Iterator[str]:
    selector: LabelSelector | None = obj.spec.selector
    if selector is None:
        return
    # One without a pair to file it under is filed where everybody looks.
    key = min(selector.match_labels, default="")
    yield pair(obj.metadata.namespace, key, selector.match_labels.get(key, ""))


def _slice_service(slice_: EndpointSlice) -> Iterator[str]:
    name = slice_.metadata.labels.get(SERVICE_NAME_LABEL)
    if name:
        yield f"{slice_.metadata.namespace}/{name}"


INDEXES: dict[tuple[str, str], dict[str, Callable[[Any], Iterable[str]]]] = {
    ("", "pods"): {
        CONTROLLER: _controller,
        ORPHAN: _orphan,
        NODE: _pod_node,
        LABEL: _pod_labels,
        STATE: _pod_state,
    },
    ("", "replicationcontrollers"): {SELECTOR: _selector},
    ("apps", "replicasets"): {SELECTOR: _label_selector, CONTROLLER: _controller, ORPHAN: _orphan},
    ("apps", "deployments"): {SELECTOR: _label_selector},
    ("policy", "poddisruptionbudgets"): {SELECTOR: _label_selector},
    ("", "services"): {SELECTOR: _selector},
    ("discovery.k8s.io", "endpointslices"): {SERVICE: _slice_service},
}
"""By group and plural."""
