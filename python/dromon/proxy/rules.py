"""Portals as chains of iptables: no I/O. One service changing costs the same with 10 or 10,000 others.

    PREROUTING, OUTPUT -> SVC: by /20 of the address -> A...: by /24 -> B...: by address and port -> S...
                          SVC: to an address of the node -> NODE: by 64 ports -> N...: by port     -> S...
    S...         one portal: chooses an endpoint at random (DNAT), or marks for refusal
    POSTROUTING -> POST: masquerades what is marked, and what comes back to the pod that sent it
    INPUT, FORWARD, OUTPUT of filter, if marked for refusal -> REJECT

A new connection to a portal thus passes some dozens of rules among 10,000 services, not 10,000. A /24 with
more than 32 rules is divided once more, by /28 (C...).

Neighbours: model makes the portals, dromon.base.iptables writes what changed, main calls.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping
from ipaddress import IPv4Address

from dromon.base.iptables import Chain, Jump, comment
from dromon.proxy.model import Portal

MASQUERADE = 0x1000
"""Mark of packets whose source becomes the node's."""

REFUSE = 0x2000
"""Mark of packets to portals without endpoints."""

FLAT = 32
"""Rules of a /24 that are walked one after the other."""

PORTS_PER_CHAIN = 64

CAME_BACK = '-m bpf --bytecode "6,32 0 0 16,7 0 0 0,32 0 0 12,29 0 1 0,6 0 0 65535,6 0 0 0"'
"""Source and destination are the same: load the destination, remember it, load the source, compare."""

REMEMBERED = "-m recent --rcheck --seconds 1 --reap --name DROMON --mask 255.255.255.255 --rsource"
"""An example of what session affinity needs of the kernel (xt_recent)."""

_TRANSLATED = "-m conntrack --ctstate DNAT"


def prefix(instance: str) -> str:
    """What the names of a proxy's chains begin with."""
    return f"DROMON-P{instance}-"


def jumps(own: str) -> list[Jump]:
    """From the built-in chains to those of the proxy whose prefix is `own`."""
    refused = f"-m mark --mark {REFUSE:#x}/{REFUSE:#x} -j {own}REJECT"
    return [
        *(Jump(Chain("nat", chain), f"-j {own}SVC") for chain in ("PREROUTING", "OUTPUT")),
        Jump(Chain("nat", "POSTROUTING"), f"-j {own}POST"),
        *(Jump(Chain("filter", chain), refused) for chain in ("INPUT", "FORWARD", "OUTPUT")),
    ]


def _mark(bit: int, on: bool = True) -> str:
    return f"-j MARK --set-xmark {bit if on else 0:#x}/{bit:#x}"


def probability(share: int) -> str:
    """1/`share` as `iptables-save` prints it: the kernel keeps 31 bits."""
    return f"{round((1 << 31) / share) / (1 << 31):.11f}"


class Ruleset:
    """The chains of all portals, and which of them a change makes dirty.

    Args:
        own: prefix of the chains.
        pod_cidr: network of all pods, "" when not known.
        exact_hairpin: whether the kernel can compare source and destination (xt_bpf); else every translated
            connection is masqueraded.
        affinity: whether the kernel can remember clients (xt_recent); else session affinity is not kept.

    Attributes:
        chains: what the kernel shall have.
    """

    def __init__(
        self, own: str, pod_cidr: str = "", *, exact_hairpin: bool = True, affinity: bool = True
    ) -> None:
        self._own = own
        self._affinity = affinity
        self._pod_cidr = pod_cidr
        self._portals: dict[str, tuple[Portal, ...]] = {}
        self._blocks: dict[int, dict[tuple[int, str, int, str], list[str]]] = {}
        self._node_ports: dict[tuple[str, int], dict[tuple[int, str], Portal]] = {}
        self.chains: dict[Chain, tuple[str, ...]] = {}
        refused = f"-m mark --mark {REFUSE:#x}/{REFUSE:#x} -j REJECT --reject-with"
        came_back = f"{CAME_BACK} {_TRANSLATED}" if exact_hairpin else _TRANSLATED
        self.chains[Chain("filter", f"{own}REJECT")] = (
            f"-p tcp {refused} tcp-reset",
            f"{refused} icmp-port-unreachable",
        )
        self.chains[Chain("nat", f"{own}POST")] = (
            f"! -o lo {came_back} -j MASQUERADE --random-fully",
            f"-m mark ! --mark {MASQUERADE:#x}/{MASQUERADE:#x} -j RETURN",
            _mark(MASQUERADE, on=False),
            "-j MASQUERADE --random-fully",
        )
        self._write_root()

    def portals(self, key: str) -> tuple[Portal, ...]:
        """What the service `key` has now."""
        return self._portals.get(key, ())

    def update(self, changes: Mapping[str, tuple[Portal, ...]]) -> set[Chain]:
        """Give services other portals; together costs less than one by one.

        Args:
            changes: key of a service -> all of its portals now.

        Returns:
            the chains that may have changed.
        """
        dirty: set[Chain] = set()
        blocks: set[int] = set()
        groups: set[tuple[str, int]] = set()
        for key, portals in changes.items():
            before = self._portals.get(key, ())
            if before == portals:
                continue
            for portal in before:
                self._forget(portal, blocks, groups, dirty)
            for portal in portals:
                self._enter(portal, blocks, groups, dirty)
            if portals:
                self._portals[key] = portals
            else:
                self._portals.pop(key, None)
        for block in blocks:
            self._write_block(block, dirty)
        for twenty in {block >> 4 for block in blocks}:
            self._write_twenty(twenty, dirty)
        for group in groups:
            self._write_group(group, dirty)
        if groups:
            self._write_nodes(dirty)
        if dirty:
            self._write_root(dirty)
        return dirty

    def _entries(self, portal: Portal) -> Iterable[tuple[int, tuple[int, str, int, str], bool]]:
        for outside, listed in ((False, portal.addresses), (True, portal.external)):
            for address in listed:
                number = int(IPv4Address(address))
                yield number >> 8, (number, portal.protocol, portal.port, portal.name), outside

    def _forget(
        self, portal: Portal, blocks: set[int], groups: set[tuple[str, int]], dirty: set[Chain]
    ) -> None:
        chain = self._chain(self.portal_chain(portal))
        self.chains.pop(chain, None)
        dirty.add(chain)
        for block, entry, _ in self._entries(portal):
            self._blocks.get(block, {}).pop(entry, None)
            blocks.add(block)
        if portal.node_port:
            group = (portal.protocol, portal.node_port // PORTS_PER_CHAIN)
            self._node_ports.get(group, {}).pop((portal.node_port, portal.name), None)
            groups.add(group)

    def _enter(
        self, portal: Portal, blocks: set[int], groups: set[tuple[str, int]], dirty: set[Chain]
    ) -> None:
        chain = self._chain(self.portal_chain(portal))
        self.chains[chain] = self._portal_rules(portal)
        dirty.add(chain)
        for block, entry, outside in self._entries(portal):
            self._blocks.setdefault(block, {})[entry] = self._entry_rules(portal, entry[0], outside)
            blocks.add(block)
        if portal.node_port:
            group = (portal.protocol, portal.node_port // PORTS_PER_CHAIN)
            self._node_ports.setdefault(group, {})[portal.node_port, portal.name] = portal
            groups.add(group)

    def _chain(self, name: str) -> Chain:
        return Chain("nat", name)

    def portal_chain(self, portal: Portal) -> str:
        """Name of the chain of a portal; the same for as long as the portal is."""
        text = f"{portal.name}/{portal.protocol}/{portal.port}"
        digest = base64.b32encode(hashlib.sha256(text.encode()).digest())[:10].decode()
        return f"{self._own}S{digest}"

    def _portal_rules(self, portal: Portal) -> tuple[str, ...]:
        note = comment(portal.name)
        if not portal.endpoints:
            return (f"{note} {_mark(REFUSE)}",)
        protocol = portal.protocol.lower()
        rules = [f"! -s {self._pod_cidr} {_mark(MASQUERADE)}"] if self._pod_cidr else []
        lists = {
            endpoint: "DROMON-" + hashlib.sha256(f"{note}{endpoint}".encode()).hexdigest()[:16]
            for endpoint in (portal.endpoints if portal.affinity and self._affinity else ())
        }
        for (address, port), name in lists.items():
            rules.append(
                f"-p {protocol} -m recent --rcheck --seconds {portal.affinity} --reap --name {name} "
                f"--mask 255.255.255.255 --rsource -j DNAT --to-destination {address}:{port}"
            )
        for at, endpoint in enumerate(portal.endpoints):
            left = len(portal.endpoints) - at
            rule = f"-p {protocol} {note} "
            if left > 1:
                rule += f"-m statistic --mode random --probability {probability(left)} "
            if endpoint in lists:
                rule += f"-m recent --set --name {lists[endpoint]} --mask 255.255.255.255 --rsource "
            rules.append(f"{rule}-j DNAT --to-destination {endpoint[0]}:{endpoint[1]}")
        return tuple(rules)

    def _write_block(self, block: int, dirty: set[Chain]) -> None:
        """The chain of a /24, and those of its /28s where it has many rules."""
        entries = self._blocks.get(block, {})
        if not entries:
            self._blocks.pop(block, None)
        split = len(entries) > FLAT
        parts: dict[int, list[str]] = {}
        for entry in sorted(entries):
            parts.setdefault(entry[0] >> 4, []).extend(entries[entry])
        for part in range(block << 4, (block << 4) + 16):
            self._put(f"{self._own}C{part:07x}", tuple(parts.get(part, ())) if split else (), dirty)
        rules = (
            [f"-d {_network(part << 4, 28)} -j {self._own}C{part:07x}" for part in sorted(parts)]
            if split
            else [rule for part in sorted(parts) for rule in parts[part]]
        )
        self._put(f"{self._own}B{block:06x}", tuple(rules), dirty)

    def _entry_rules(self, portal: Portal, address: int, outside: bool) -> list[str]:
        kind = portal.protocol.lower()
        protocol = f"-p {kind} {comment(portal.name)} -m {kind} --dport {portal.port}"
        match = f"-d {IPv4Address(address)}/32 {protocol}"
        marked = [f"{match} {_mark(MASQUERADE)}"] if outside else []
        return [*marked, f"{match} -j {self.portal_chain(portal)}"]

    def _write_twenty(self, twenty: int, dirty: set[Chain]) -> None:
        rules = [
            f"-d {_network(block << 8, 24)} -j {self._own}B{block:06x}"
            for block in range(twenty << 4, (twenty << 4) + 16)
            if block in self._blocks
        ]
        self._put(f"{self._own}A{twenty:05x}", tuple(rules), dirty)

    def _write_group(self, group: tuple[str, int], dirty: set[Chain]) -> None:
        ports = self._node_ports.get(group, {})
        if not ports:
            self._node_ports.pop(group, None)
        kind = group[0].lower()
        rules = [
            f"-p {kind} {comment(name)} -m {kind} --dport {port} -j {self.portal_chain(portal)}"
            for (port, name), portal in sorted(ports.items())
        ]
        self._put(self._group_chain(group), tuple(rules), dirty)

    def _group_chain(self, group: tuple[str, int]) -> str:
        return f"{self._own}N{group[0][0]}{group[1]:03x}"

    def _write_nodes(self, dirty: set[Chain]) -> None:
        rules = []
        for group in sorted(self._node_ports):
            kind, first = group[0].lower(), group[1] * PORTS_PER_CHAIN
            ports = f"{first}:{first + PORTS_PER_CHAIN - 1}"
            rules.append(f"-p {kind} -m {kind} --dport {ports} -j {self._group_chain(group)}")
        # Whoever comes by a node port is answered by this node. What no rule takes is not ours to mark.
        framed = (_mark(MASQUERADE), *rules, _mark(MASQUERADE, on=False)) if rules else ()
        self._put(f"{self._own}NODE", framed, dirty)

    def _write_root(self, dirty: set[Chain] | None = None) -> None:
        rules = [
            f"-d {_network(twenty << 12, 20)} -j {self._own}A{twenty:05x}"
            for twenty in sorted({block >> 4 for block in self._blocks})
        ]
        if self._node_ports:
            rules.append(f"-m addrtype --dst-type LOCAL -j {self._own}NODE")
        root = self._chain(f"{self._own}SVC")
        if self.chains.get(root) != tuple(rules):
            self.chains[root] = tuple(rules)
            if dirty is not None:
                dirty.add(root)

    def _put(self, name: str, rules: tuple[str, ...], dirty: set[Chain]) -> None:
        chain = self._chain(name)
        if self.chains.get(chain, ()) == rules:
            return
        dirty.add(chain)
        if rules:
            self.chains[chain] = rules
        else:
            self.chains.pop(chain, None)


def _network(number: int, length: int) -> str:
    return f"{IPv4Address(number)}/{length}"
