"""Taking a node's portals away.

Neighbours: rules names what is removed here; dromon.kubelet.network.cleanup removes the pod network.
"""

from __future__ import annotations

from dromon.base import iptables
from dromon.proxy import rules


def cleanup(state_dir: str) -> list[str]:
    """Remove every chain of the proxy of `state_dir` and every jump to one. Blocks.

    Args:
        state_dir: as in ProxyConfig; it need not exist any more.

    Returns:
        one line for each chain that was there.

    Raises:
        dromon.base.iptables.IptablesError: it could not be removed.
    """
    return iptables.remove(rules.prefix(iptables.instance(state_dir)))
