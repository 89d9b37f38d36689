"""iptables rules of a node's pod network: a pure function from what there is to chains.

Neighbours: bridge gives the facts and writes the chains by dromon.base.iptables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dromon.base.iptables import Chain, Jump, comment
from dromon.kubelet.network.interface import HostPort

LOOPBACK = "127.0.0.0/8"


def prefix(instance: str) -> str:
    """What the names of this node's chains begin with."""
    return f"DROMON-N{instance}-"


def jumps(instance: str) -> list[Jump]:
    """From the built-in chains to this node's.

    Forwarding is accepted behind the proxies' jumps, so that a portal without endpoints is refused first.
    """
    own = prefix(instance)
    local = "-m addrtype --dst-type LOCAL"
    return [
        Jump(Chain("filter", "FORWARD"), f"-j {own}FORWARD", behind=r"-j DROMON-P"),
        Jump(Chain("filter", "INPUT"), f"-j {own}INPUT"),
        Jump(Chain("nat", "POSTROUTING"), f"-j {own}POST"),
        Jump(Chain("nat", "PREROUTING"), f"{local} -j {own}PORTS"),
        Jump(Chain("nat", "OUTPUT"), f"{local} -j {own}PORTS"),
    ]


def chains(
    instance: str,
    bridge: str,
    pod_cidr: str,
    cluster_cidr: str,
    addresses: Mapping[str, str],
    host_ports: Mapping[str, Sequence[HostPort]],
) -> dict[Chain, tuple[str, ...]]:
    """The chains of the node.

    Args:
        instance: tells nodes of one machine apart.
        bridge: name of the node's bridge.
        pod_cidr: the node's pod subnet.
        cluster_cidr: all pods' network: what goes there keeps its source address.
        addresses: pod uid -> address.
        host_ports: pod uid -> host ports.
    """
    own = prefix(instance)
    to_loopback = f"-d {LOOPBACK} -i {bridge}"
    forwarded: list[str] = []
    # A pod that reaches itself by its node's port must not see its own address as the source, and an
    # answer to a connection from the node's loopback must come back to the node.
    translated: list[str] = [f"-s {LOOPBACK} -o {bridge} -j MASQUERADE"]
    for pod in sorted(host_ports):
        address = addresses.get(pod)
        if address is None:
            continue
        forwarded += [_host_port(pod, address, port) for port in host_ports[pod]]
        translated.append(f"-s {address}/32 -d {address}/32 -j MASQUERADE")
    translated.append(f"-s {pod_cidr} ! -d {cluster_cidr} ! -o {bridge} -j MASQUERADE")
    return {
        Chain("filter", f"{own}FORWARD"): (f"-i {bridge} -j ACCEPT", f"-o {bridge} -j ACCEPT"),
        # The bridge routes loopback addresses, for node ports on 127.0.0.1; pods themselves may not
        # reach what listens there.
        Chain("filter", f"{own}INPUT"): (
            f"{to_loopback} -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
            f"{to_loopback} -j DROP",
        ),
        Chain("nat", f"{own}POST"): tuple(translated),
        Chain("nat", f"{own}PORTS"): tuple(forwarded),
    }


def _host_port(pod: str, address: str, port: HostPort) -> str:
    protocol = port.protocol.lower()
    match = f"-d {port.host_ip}/32 " if port.host_ip not in ("", "0.0.0.0") else ""  # noqa: S104
    return (
        f"{match}-p {protocol} {comment(f'host port of pod {pod}')} -m {protocol} --dport {port.host_port} "
        f"-j DNAT --to-destination {address}:{port.container_port}"
    )
