"""What the controller manager is told.

Neighbours: the CLI parses flags into it, main.run takes it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from ipaddress import ip_network

from dromon.client.election import LeaderElection


@dataclass(frozen=True, slots=True)
class ControllerManagerConfig(LeaderElection):
    """Settings of one controller manager, those of leader election are LeaderElection's; times are seconds.

    Attributes:
        kubeconfig: path of the kubeconfig that it works with.
        pod_cidr: the cluster's pod network; "" switches the allocation of node subnets off.
        node_cidr_mask: prefix length of one node's subnet.
        root_ca_file: PEM file that is published as kube-root-ca.crt; "" publishes none.
        controllers: names that run; "*" is all, "-name" all but this one (which wins over "*").
        node_monitor_grace: a node without heartbeat for so long is not ready.
        node_startup_grace: the same for a node that never reported.
        node_eviction_rate: nodes a second whose pods may begin to be evicted.
        node_secondary_eviction_rate: the same in a large zone of which most nodes are lost.
        large_cluster_nodes: a zone of at most so many nodes is small: when most of it is lost, no eviction.
        unhealthy_zone_threshold: share of lost nodes from which on a zone counts as disrupted.
        terminated_pod_threshold: more terminated pods than this are deleted, oldest first; 0: never.
        orphan_quarantine: pods of a node that is gone are deleted after this.

    Raises:
        ValueError: a setting makes no sense; the text names it.
    """

    kubeconfig: str
    pod_cidr: str = "10.1.0.0/16"
    node_cidr_mask: int = 24
    root_ca_file: str = ""
    controllers: tuple[str, ...] = ("*",)
    node_monitor_grace: float = 40.0
    node_startup_grace: float = 60.0
    node_eviction_rate: float = 0.1
    node_secondary_eviction_rate: float = 0.01
    large_cluster_nodes: int = 50
    unhealthy_zone_threshold: float = 0.55
    terminated_pod_threshold: int = 12_500
    orphan_quarantine: float = 40.0
    leader_elect_resource_name: str = field(default="kube-controller-manager", kw_only=True)

    def __post_init__(self) -> None:
        self.check_election()
        for name in ("node_monitor_grace", "node_startup_grace"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} must be more than 0 seconds")
        for name in ("node_eviction_rate", "node_secondary_eviction_rate", "orphan_quarantine"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")
        if not 0 < self.unhealthy_zone_threshold <= 1:
            raise ValueError("unhealthy_zone_threshold must be more than 0 and at most 1")
        if self.pod_cidr:
            self._check_network()

    def _check_network(self) -> None:
        try:
            network = ip_network(self.pod_cidr)
        except ValueError as error:
            raise ValueError(f"pod_cidr: {error}") from None
        if not network.prefixlen <= self.node_cidr_mask <= network.max_prefixlen:
            raise ValueError(f"node_cidr_mask: subnets /{self.node_cidr_mask} do not fit into {network}")
