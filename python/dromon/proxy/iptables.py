"""Carries the rules out: writes chains that changed, forgets stale UDP flows. Everything here blocks.

Neighbours: rules says what the kernel shall have, dromon.base has the tools, main calls in a thread.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping

from dromon.base import iptables, netlink
from dromon.base.iptables import Chain, Chains, IptablesError
from dromon.proxy import rules

log = logging.getLogger(__name__)


class Executor:
    """The proxy's chains in the kernel. Not for concurrent use.

    Args:
        own: prefix of the chains.
    """

    def __init__(self, own: str) -> None:
        self._own = own
        self._chains = iptables.OwnChains(own, rules.jumps(own))

    def can(self, match: str) -> bool:
        """Whether the kernel has what `match` needs, by a rule in a chain that nothing leads to.

        Raises:
            IptablesError: iptables can't be used at all.
        """
        probe = Chain("nat", f"{self._own}PROBE")
        try:
            self._restore({probe: (f"{match} -j RETURN",)})
        except IptablesError as error:
            self._restore({probe: None})
            log.warning("the kernel lacks a match of iptables match=%r error=%s", match, error)
            return False
        self._restore({probe: None})
        return True

    def _restore(self, changes: Mapping[Chain, tuple[str, ...] | None]) -> None:
        iptables.run("iptables-restore", ["--noflush", "-w", "5"], iptables.render(changes))

    def sync(self, desired: Chains, dirty: Collection[Chain] | None) -> int:
        """Make the kernel have `desired`; see OwnChains.sync."""
        return self._chains.sync(desired, dirty)

    def resync(self, desired: Chains) -> int:
        """Read what the kernel has and put right what others changed.

        Returns:
            how many chains had to be written.
        """
        self._chains.read()
        return self._chains.sync(desired)

    def flush(self, stale: Callable[[str, int, str], bool]) -> None:
        """Forget UDP flows; where the kernel can't, they end by themselves, so that is only logged."""
        try:
            count = netlink.flush_udp(stale)
        except netlink.NetworkFailure as error:
            log.warning("stale UDP flows could not be forgotten error=%s", error)
            return
        if count:
            log.info("forgot UDP flows count=%d", count)
