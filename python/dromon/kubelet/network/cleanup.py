"""Taking a node's pod network away: what `dromon down` calls when no pod is left.

Neighbours: bridge made what is removed here; dromon.proxy.cleanup removes the portals.
"""

from __future__ import annotations

import contextlib
import os

from dromon.base import iptables, netlink
from dromon.kubelet.network import bridge, rules


def cleanup(state_dir: str) -> list[str]:
    """Remove the node's bridge, veth pairs (the bridge's routes go with it) and iptables chains. Blocks.

    Nothing of another node's or of anybody else's is touched, and nothing being there is fine.

    Args:
        state_dir: the node's own directory (the kubelet's root); it need not exist any more.

    Returns:
        one line for each thing that was removed.

    Raises:
        dromon.base.iptables.IptablesError, dromon.base.netlink.NetworkFailure: it could not be removed.
    """
    removed = []
    name = bridge.bridge_name(state_dir)
    for port in netlink.bridge_ports(name):
        if netlink.delete_link(port):
            removed.append(f"interface {port}")
    if netlink.delete_link(name):
        removed.append(f"bridge {name}")
    removed += iptables.remove(rules.prefix(iptables.instance(state_dir)))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(bridge.record_path(state_dir))
    return removed
