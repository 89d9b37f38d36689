"""Which components a cluster consists of, and with which settings: a pure plan.

Neighbours: cli.supervisor starts them in this order and stops them in the reverse order of their stages.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dromon.cli import components, simulated
from dromon.cli.component import ComponentType
from dromon.cli.datadir import DataDir
from dromon.cli.settings import Settings


@dataclass(frozen=True, slots=True)
class Component:
    """One process of the cluster.

    Attributes:
        name: unique: "apiserver", "kubelet-node-1".
        type: what it runs.
        values: its config's fields.
        stage: 0 starts first and stops last.
    """

    name: str
    type: ComponentType
    values: dict[str, Any]
    stage: int


@dataclass(frozen=True, slots=True)
class Host:
    """This machine: its name, and its address as pods and other machines see it."""

    name: str
    address: str


def node_names(settings: Settings, host: Host) -> list[str]:
    """The nodes: the machine's own name for a single real one, else node-1 to node-N."""
    if settings.runtime == "docker" and settings.nodes == 1:
        return [host.name]
    return [f"node-{number}" for number in range(1, settings.nodes + 1)]


def plan(settings: Settings, directory: DataDir, host: Host) -> list[Component]:
    """All components, in the order in which they start."""
    pki = directory.pki
    # One of each runs here, and is restarted when it ends: an election would only delay that.
    alone = {"leader_elect": False}
    scheduler = {"kubeconfig": str(directory.component_kubeconfig("scheduler")), **alone}
    manager = {
        **alone,
        "kubeconfig": str(directory.component_kubeconfig("controller-manager")),
        "pod_cidr": settings.pod_cidr,
        "root_ca_file": str(pki / "ca.crt"),
    }
    parts = [
        Component("apiserver", components.APISERVER, _apiserver(settings, directory, host), 0),
        Component("scheduler", components.SCHEDULER, scheduler, 1),
        Component("controller-manager", components.CONTROLLER_MANAGER, manager, 1),
    ]
    if settings.runtime == "hollow":
        values: dict[str, Any] = {
            "kubeconfig": str(directory.component_kubeconfig("hollow")),
            "nodes": settings.nodes,
            "name_prefix": "node-",
            "first": 1,
            "bind": "127.0.0.1",
            "port": 0,
            **_serving(directory, "hollow"),
            **simulated.parse(settings.hollow),
        }
        return [*parts, Component("hollow", components.HOLLOW, values, 2)]
    names = node_names(settings, host)
    single = len(names) == 1
    for name in names:
        values = {
            "kubeconfig": str(directory.component_kubeconfig(f"kubelet-{name}")),
            "node_name": name,
            "root_dir": str(directory.nodes / name),
            "runtime": "docker",
            "bind": host.address,
            "port": 0,
            "node_ip": host.address,
            "cluster_cidr": settings.pod_cidr,
            **_serving(directory, f"kubelet-{name}"),
        }
        parts.append(Component("kubelet" if single else f"kubelet-{name}", components.KUBELET, values, 2))
    proxy = {
        "kubeconfig": str(directory.component_kubeconfig("proxy")),
        # All nodes share this machine's network namespace, so one proxy serves them all.
        "node_name": names[0],
        "state_dir": str(directory.path),
        "node_ip": host.address,
        "pod_cidr": settings.pod_cidr,
    }
    return [*parts, Component("proxy", components.PROXY, proxy, 2)]


def _apiserver(settings: Settings, directory: DataDir, host: Host) -> dict[str, Any]:
    pki = directory.pki
    return {
        "bind": settings.bind,
        "port": settings.port,
        "store_url": settings.store or directory.store_url,
        "cert_file": str(pki / "apiserver.crt"),
        "key_file": str(pki / "apiserver.key"),
        "client_ca_file": str(pki / "ca.crt"),
        "token_file": str(directory.tokens),
        "service_cidr": settings.service_cidr,
        "bulk": settings.bulk,
        "audit_log": settings.audit_log,
        "kubelet_client_cert_file": str(pki / "apiserver-kubelet-client.crt"),
        "kubelet_client_key_file": str(pki / "apiserver-kubelet-client.key"),
        "ca_file": str(pki / "ca.crt"),
        "advertise_address": host.address if settings.listens_everywhere else settings.bind,
    }


def _serving(directory: DataDir, name: str) -> dict[str, Any]:
    return {
        "cert_file": str(directory.pki / f"{name}-server.crt"),
        "key_file": str(directory.pki / f"{name}-server.key"),
        "client_ca_file": str(directory.pki / "ca.crt"),
    }


def stages(parts: Sequence[Component]) -> list[list[Component]]:
    """The components by stage, the last stage first: the order of stopping."""
    numbers = sorted({part.stage for part in parts}, reverse=True)
    return [[part for part in parts if part.stage == number] for number in numbers]
