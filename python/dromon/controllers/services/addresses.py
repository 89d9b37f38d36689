"""What a pod contributes to a service: its address, whether it is ready, the numbers of its ports.

Neighbours: endpoints_plan and slices_plan.
"""

from __future__ import annotations

from dataclasses import dataclass

from dromon.api.types.references import ObjectReference
from dromon.api.types.service import Service, ServicePort
from dromon.controllers import pods as about
from dromon.controllers.views import PodView

HEADLESS_LABEL = "service.kubernetes.io/headless"


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A port of a service as one pod serves it."""

    name: str
    protocol: str
    number: int
    app_protocol: str | None = None


def is_headless(service: Service) -> bool:
    """Whether the service has no portal on purpose (clusterIP: None)."""
    return service.spec.cluster_ip == "None"


def is_ours(service: Service) -> bool:
    """Whether its members follow from its selector: neither without one, nor a mere name (ExternalName)."""
    return bool(service.spec.selector) and service.spec.type != "ExternalName"


def families(service: Service) -> list[str]:
    """The address families that the service wants members of, the primary first."""
    if service.spec.ip_families:
        return list(service.spec.ip_families)
    return ["IPv6" if ":" in service.spec.cluster_ip else "IPv4"]


def address(pod: PodView, family: str) -> str:
    """The pod's address of a family, "" where it has none (yet)."""
    ips = [p.ip for p in pod.status.pod_ips] or [pod.status.pod_ip]
    return next((ip for ip in ips if ip and (":" in ip) == (family == "IPv6")), "")


def contributes(pod: PodView, *, terminating: bool) -> bool:
    """Whether the pod is a member at all, ready or not.

    Args:
        terminating: count pods that are being deleted, too.
    """
    if about.is_terminated(pod):
        return False
    return terminating or pod.metadata.deletion_timestamp is None


def ports(service: Service, pod: PodView) -> list[Port]:
    """The service's ports with the pod's numbers; a named port that the pod lacks is left out."""
    found = []
    for port in service.spec.ports:
        number = _number(port, pod)
        if number is not None:
            found.append(Port(port.name, port.protocol or "TCP", number, port.app_protocol))
    return found


def _number(port: ServicePort, pod: PodView) -> int | None:
    target = port.target_port
    if isinstance(target, int):
        return target or port.port
    if not target:
        return port.port
    sidecars = [c for c in pod.spec.init_containers if c.restart_policy == "Always"]
    for container in (*pod.spec.containers, *sidecars):
        for candidate in container.ports:
            same_protocol = (candidate.protocol or "TCP") == (port.protocol or "TCP")
            if candidate.name == target and same_protocol:
                return candidate.container_port
    return None


def hostname(service: Service, pod: PodView) -> str:
    """The pod's own name in the service's domain, "" where it asks for none."""
    same = pod.spec.subdomain == service.metadata.name
    return pod.spec.hostname if pod.spec.hostname and same else ""


def reference(pod: PodView) -> ObjectReference:
    """How an address names the pod behind it."""
    meta = pod.metadata
    return ObjectReference(kind="Pod", namespace=meta.namespace, name=meta.name, uid=meta.uid)


def relevant(pod: PodView) -> tuple[object, ...]:
    """Everything of a pod, labels aside, that a service's members depend on."""
    return (
        pod.metadata.uid,
        pod.metadata.deletion_timestamp is not None,
        about.is_terminated(pod),
        about.is_ready(pod),
        pod.spec.node_name,
        pod.spec.hostname,
        pod.spec.subdomain,
        pod.status.pod_ip,
        tuple(p.ip for p in pod.status.pod_ips),
    )


def labels(service: Service, own: dict[str, str]) -> dict[str, str]:
    """The labels of what is made for a service: the service's, `own`, and the mark of headless ones."""
    result = {k: v for k, v in service.metadata.labels.items() if k != HEADLESS_LABEL} | own
    if is_headless(service):
        result[HEADLESS_LABEL] = ""
    return result
