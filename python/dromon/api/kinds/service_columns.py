"""The table of services: type, portal, outside addresses, ports.

Neighbours: kinds.service.
"""

from __future__ import annotations

from dromon.api.kinds.columns import NONE, UNKNOWN, age_column, labels_text, name_column
from dromon.api.resource import Column
from dromon.api.types.service import Service


def external_ip(service: Service) -> str:
    """Addresses by which the service is reached from outside."""
    spec = service.spec
    if spec.type in ("ClusterIP", "NodePort"):
        return ",".join(spec.external_ips) or NONE
    if spec.type == "LoadBalancer":
        given = sorted({i.ip or i.hostname for i in service.status.load_balancer.ingress} - {""})
        return ",".join([*given, *spec.external_ips]) or "<pending>"
    return spec.external_name if spec.type == "ExternalName" else UNKNOWN


def ports(service: Service) -> str:
    """ "80/TCP", "80:30080/TCP" where nodes listen, too."""
    listed = (
        f"{p.port}:{p.node_port}/{p.protocol}" if p.node_port else f"{p.port}/{p.protocol}"
        for p in service.spec.ports
    )
    return ",".join(listed) or NONE


COLUMNS = (
    name_column(),
    Column("Type", "string", lambda svc, now: svc.spec.type, description="How the service is reached."),
    Column(
        "Cluster-IP",
        "string",
        lambda svc, now: svc.spec.cluster_ip or NONE,
        description="Portal: address in the cluster.",
    ),
    Column(
        "External-IP",
        "string",
        lambda svc, now: external_ip(svc),
        description="Addresses outside the cluster.",
    ),
    Column(
        "Port(s)", "string", lambda svc, now: ports(svc), description="Ports of the portal, and of nodes."
    ),
    age_column(),
    Column(
        "Selector",
        "string",
        lambda svc, now: labels_text(svc.spec.selector),
        priority=1,
        description="Labels of the pods behind the service.",
    ),
)
