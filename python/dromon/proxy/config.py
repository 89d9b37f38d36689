"""What a proxy is told when it starts.

Neighbours: the command line makes it, main uses it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Settings of one node's proxy.

    Attributes:
        kubeconfig: path of the kubeconfig by which it reaches the API.
        node_name: the node that it serves.
        state_dir: the node's own directory; names its chains, so that several proxies share a machine,
            and `cleanup(state_dir)` finds them.
        node_ip: the node's address, for messages.
        pod_cidr: the network of all pods. What comes to a portal from elsewhere is masqueraded, so that
            answers come back this way; "" masquerades node ports and external addresses only.
        min_interval: seconds between two writes of rules. A change after a pause waits for nothing.
        resync: seconds between two comparisons of all chains with the kernel's.
    """

    kubeconfig: str
    node_name: str
    state_dir: str
    node_ip: str = ""
    pod_cidr: str = ""
    min_interval: float = 0.02
    resync: float = 30.0
