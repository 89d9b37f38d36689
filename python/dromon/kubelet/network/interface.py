"""The seam of pod networking: what the kubelet asks of whatever gives pods their addresses.

Every pod has one address, routable from every pod and node without translation (talk, slides 15 to 19).

Neighbours: bridge.BridgeNetwork is the real one, hollow.HollowNetwork allocates addresses and touches
nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


class NetworkError(Exception):
    """The pod network could not do what was asked; the text is fit for an Event."""


@dataclass(frozen=True, slots=True)
class HostPort:
    """A port of the node that leads to a port of the pod (core/v1 ContainerPort.hostPort).

    Attributes:
        host_port: 1 to 65535 on the node.
        container_port: 1 to 65535 in the pod.
        protocol: "TCP" or "UDP".
        host_ip: the node's address it listens on; "" or "0.0.0.0" for all of them.
    """

    host_port: int
    container_port: int
    protocol: str = "TCP"
    host_ip: str = ""


@dataclass(frozen=True, slots=True)
class PodAddress:
    """What a pod got.

    Attributes:
        ip: its address, dotted decimal.
        gateway: the node's end, the pod's default route.
        prefix_length: of the node's pod subnet.
        mtu: of the pod's interface, bytes.
    """

    ip: str
    gateway: str
    prefix_length: int = 24
    mtu: int = 1500


class PodNetwork(Protocol):
    """Addresses and connectivity of the pods of one node. One instance per kubelet; calls may be concurrent.

    All methods raise NetworkError with a readable text; none blocks the event loop.
    """

    async def setup_node(self, pod_cidr: str) -> None:
        """Make the node ready for pods of `pod_cidr` (Node.spec.podCIDR). Idempotent; before any attach."""
        ...

    async def attach(self, pod_uid: str, netns_path: str, host_ports: Sequence[HostPort] = ()) -> PodAddress:
        """Give the sandbox whose network namespace is `netns_path` (/proc/<pid>/ns/net) an address.

        Idempotent for the same pod: a repeated call keeps the address, also for a new namespace
        (a sandbox that was made again).
        """
        ...

    async def detach(self, pod_uid: str) -> None:
        """Free the pod's address, interface and host ports. Unknown pods and dead namespaces are fine."""
        ...

    async def adopt(
        self, live: Mapping[str, str], host_ports: Mapping[str, Sequence[HostPort]] | None = None
    ) -> None:
        """After a restart and `setup_node`: keep what still runs, free the rest.

        Args:
            live: pod uid -> netns path of every sandbox that is still alive. Their addresses are read from
                the interfaces themselves, so a lost state file loses nothing.
            host_ports: pod uid -> host ports of those that have any; None keeps what was recorded.
        """
        ...

    async def check(self) -> None:
        """Put back what others have taken away of the node's own rules; call it every minute or so."""
        ...

    def address(self, pod_uid: str) -> str | None:
        """The pod's address, None when it has none. Never blocks."""
        ...
