"""Descriptions of nodes, services, replication controllers, configuration, and of any other kind.

Neighbours: common for metadata and events, pods for templates; `DESCRIBERS` is the table by kind.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from dromon.cli.verbs.describe import common, pods
from dromon.cli.verbs.describe.writer import NONE, Writer, mapping, when
from dromon.cli.verbs.session import Session

Json = dict[str, Any]


def node(w: Writer, session: Session, obj: Json) -> None:
    """A node with its conditions, capacity and the pods on it."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    common.metadata(w, obj, namespaced=False)
    w.pair(0, "CreationTimestamp", when(obj["metadata"].get("creationTimestamp")))
    taints = [
        f"{t['key']}={t['value']}:{t['effect']}" if t.get("value") else f"{t['key']}:{t['effect']}"
        for t in spec.get("taints") or []
    ]
    w.several(0, "Taints", taints)
    w.pair(0, "Unschedulable", str(spec.get("unschedulable", False)).lower())
    columns = ("type", "status", "lastHeartbeatTime", "lastTransitionTime", "reason", "message")
    common.conditions(w, status.get("conditions") or [], columns)
    w.heading(0, "Addresses")
    for address in status.get("addresses") or []:
        w.pair(1, address["type"], address["address"])
    for label, key in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        w.heading(0, label)
        for name, amount in sorted((status.get(key) or {}).items()):
            w.pair(1, name, amount)
    w.heading(0, "System Info")
    for key, value in (status.get("nodeInfo") or {}).items():
        w.pair(1, key[0].upper() + key[1:], value)
    w.pair(0, "PodCIDR", spec.get("podCIDR"))
    name = obj["metadata"]["name"]
    running = session.call("GET", "/api/v1/pods", query={"fieldSelector": f"spec.nodeName={name}"})["items"]
    w.pair(0, "Non-terminated Pods", f"({len(running)} in total)")
    if running:
        rows = [["Namespace", "Name"], ["---------", "----"]]
        rows += [[p["metadata"]["namespace"], p["metadata"]["name"]] for p in running]
        w.table(1, rows)
    common.events(w, session, obj, "Node")


def service(w: Writer, session: Session, obj: Json) -> None:
    """A service with its portal and its endpoints."""
    spec = obj["spec"]
    common.metadata(w, obj)
    w.pair(0, "Selector", ",".join(mapping(spec.get("selector"))))
    w.pair(0, "Type", spec.get("type"))
    w.pair(0, "IP Families", ",".join(spec.get("ipFamilies") or []))
    w.pair(0, "IP", spec.get("clusterIP"))
    w.pair(0, "IPs", ",".join(spec.get("clusterIPs") or []))
    meta = obj["metadata"]
    query = {"labelSelector": f"kubernetes.io/service-name={meta['name']}"}
    path = f"/apis/discovery.k8s.io/v1/namespaces/{meta['namespace']}/endpointslices"
    slices = session.call("GET", path, query=query)["items"]
    for port in spec.get("ports") or []:
        protocol = port.get("protocol", "TCP")
        w.pair(0, "Port", f"{port.get('name') or '<unset>'}  {port['port']}/{protocol}")
        w.pair(0, "TargetPort", f"{port.get('targetPort', port['port'])}/{protocol}")
        if port.get("nodePort"):
            w.pair(0, "NodePort", f"{port.get('name') or '<unset>'}  {port['nodePort']}/{protocol}")
        w.pair(0, "Endpoints", ",".join(endpoints(slices, port.get("name", ""))))
    w.pair(0, "Session Affinity", spec.get("sessionAffinity"))
    common.events(w, session, obj, "Service")


def endpoints(slices: list[Json], port_name: str) -> list[str]:
    """The ready "address:port"s of a port, of all slices."""
    found = []
    for part in slices:
        for port in part.get("ports") or []:
            if (port.get("name") or "") != port_name:
                continue
            for endpoint in part.get("endpoints") or []:
                if (endpoint.get("conditions") or {}).get("ready", True):
                    found += [f"{address}:{port.get('port')}" for address in endpoint["addresses"]]
    return sorted(found)


def controller(w: Writer, session: Session, obj: Json) -> None:
    """A replication controller with the state of its pods."""
    spec, status = obj["spec"], obj.get("status") or {}
    common.metadata(w, obj)
    w.pair(0, "Selector", ",".join(mapping(spec.get("selector"))))
    w.pair(0, "Replicas", f"{status.get('replicas', 0)} current / {spec.get('replicas', 0)} desired")
    selector = ",".join(mapping(spec.get("selector")))
    path = f"/api/v1/namespaces/{obj['metadata']['namespace']}/pods"
    found = session.call("GET", path, query={"labelSelector": selector})["items"]
    phases = [p.get("status", {}).get("phase") for p in found]
    counts = [f"{phases.count(p)} {p}" for p in ("Running", "Pending", "Succeeded", "Failed")]
    w.pair(0, "Pods Status", " / ".join(counts))
    pods.template(w, 0, spec.get("template") or {})
    common.conditions(w, status.get("conditions") or [], ("type", "status", "reason"))
    common.events(w, session, obj, "ReplicationController")


def config_map(w: Writer, session: Session, obj: Json) -> None:
    """A ConfigMap with its entries."""
    common.metadata(w, obj)
    w.flush()
    w.line(0, "")
    w.line(0, "Data\n====")
    for key, value in sorted((obj.get("data") or {}).items()):
        w.line(0, f"{key}:\n----\n{value}\n")
    w.line(0, "\nBinaryData\n====")
    for key, value in sorted((obj.get("binaryData") or {}).items()):
        w.line(0, f"{key}: {len(base64.b64decode(value))} bytes")
    common.events(w, session, obj, "ConfigMap")


def secret(w: Writer, session: Session, obj: Json) -> None:
    """A Secret: sizes, never values."""
    common.metadata(w, obj)
    w.pair(0, "Type", obj.get("type"))
    w.flush()
    w.line(0, "\nData\n====")
    for key, value in sorted((obj.get("data") or {}).items()):
        w.pair(0, key, f"{len(base64.b64decode(value))} bytes")


def anything(w: Writer, session: Session, obj: Json) -> None:
    """Any other kind: metadata, then its fields as they are."""
    common.metadata(w, obj, namespaced=bool(obj["metadata"].get("namespace")))
    w.pair(0, "API Version", obj.get("apiVersion"))
    w.pair(0, "Kind", obj.get("kind"))
    w.pair(0, "Created", when(obj["metadata"].get("creationTimestamp")))
    for key, value in obj.items():
        if key not in ("apiVersion", "kind", "metadata"):
            _value(w, 0, key[0].upper() + key[1:], value)
    common.events(w, session, obj, obj.get("kind", ""))


def _value(w: Writer, level: int, label: str, value: Any) -> None:
    if isinstance(value, dict):
        w.heading(level, label)
        for key, inner in value.items():
            _value(w, level + 1, key[0].upper() + key[1:], inner)
    elif isinstance(value, list):
        w.heading(level, label)
        for inner in value:
            if isinstance(inner, dict):
                for key, deep in inner.items():
                    _value(w, level + 1, key[0].upper() + key[1:], deep)
            else:
                w.line(level + 1, str(inner))
    else:
        w.pair(level, label, NONE if value is None else value)


DESCRIBERS: dict[tuple[str, str], Callable[[Writer, Session, Json], None]] = {
    ("", "Pod"): pods.pod,
    ("", "Node"): node,
    ("", "Service"): service,
    ("", "ReplicationController"): controller,
    ("", "ConfigMap"): config_map,
    ("", "Secret"): secret,
}
"""By group and kind; everything else is described by `anything`."""
