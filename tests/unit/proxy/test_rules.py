"""Chains from portals: a small interpreter of the rules says where a packet ends."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.base.iptables import Chain
from dromon.proxy import rules
from dromon.proxy.model import Portal
from dromon.proxy.rules import Ruleset

OWN = rules.prefix("0badcafe")


@dataclass
class Packet:
    """What the rules look at, and what they did."""

    destination: str
    port: int
    protocol: str = "tcp"
    source: str = "10.1.0.9"
    local: bool = False
    mark: int = 0
    target: str = ""
    walked: int = 0
    choices: list[str] = field(default_factory=list)


def send(ruleset: Ruleset, packet: Packet) -> Packet:
    """Let the packet pass the nat chains; random rules are noted and never taken."""
    _walk(ruleset, f"{OWN}SVC", packet)
    return packet


def _walk(ruleset: Ruleset, chain: str, packet: Packet) -> bool:
    for rule in ruleset.chains[Chain("nat", chain)]:
        packet.walked += 1
        if not _matches(rule, packet):
            continue
        jump = re.search(r"-j (\S+)(.*)", rule)
        assert jump is not None
        if jump[1] == "MARK":
            value, mask = (int(text, 16) for text in jump[2].split()[-1].split("/"))
            packet.mark = packet.mark & ~mask | value
        elif jump[1] == "DNAT":
            packet.target = jump[2].split()[-1]
            packet.choices.append(packet.target)
            if "--probability" not in rule:
                return True
        elif _walk(ruleset, jump[1], packet):
            return True
    return False


def _matches(rule: str, packet: Packet) -> bool:
    if (found := re.search(r"-d (\S+)", rule)) and not _within(packet.destination, found[1]):
        return False
    if (found := re.search(r"! -s (\S+)", rule)) and _within(packet.source, found[1]):
        return False
    if (found := re.search(r"-p (\S+)", rule)) and found[1] != packet.protocol:
        return False
    if "--dst-type LOCAL" in rule and not packet.local:
        return False
    if "--rcheck" in rule:
        return False
    found = re.search(r"--dport (\d+)(?::(\d+))?", rule)
    return found is None or int(found[1]) <= packet.port <= int(found[2] or found[1])


def _within(address: str, network: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(network)


def portal(name: str, address: str, *endpoints: str, port: int = 80, **more: object) -> Portal:
    listed = tuple((ip, 8080) for ip in endpoints)
    return Portal(name, str(more.pop("protocol", "TCP")), port, (address,), endpoints=listed, **more)  # type: ignore[arg-type]


def test_a_portal_leads_to_each_of_its_endpoints() -> None:
    ruleset = Ruleset(OWN, "10.1.0.0/16")
    ruleset.update({"ns/a": (portal("ns/a", "10.0.0.1", "10.1.0.1", "10.1.0.2", "10.1.0.3"),)})
    packet = send(ruleset, Packet("10.0.0.1", 80))
    assert packet.choices == ["10.1.0.1:8080", "10.1.0.2:8080", "10.1.0.3:8080"]
    assert packet.mark == 0
    for other in (Packet("10.0.0.1", 81), Packet("10.0.0.2", 80), Packet("10.0.0.1", 80, "udp")):
        assert send(ruleset, other).target == ""


@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_every_endpoint_gets_the_same_share(count: int) -> None:
    ruleset = Ruleset(OWN)
    ruleset.update({"a": (portal("a", "10.0.0.1", *(f"10.1.0.{i}" for i in range(count))),)})
    chain = ruleset.portal_chain(ruleset.portals("a")[0])
    left, shares = 1.0, []
    for rule in ruleset.chains[Chain("nat", chain)]:
        found = re.search(r"--probability (\S+)", rule)
        shares.append(left * (float(found[1]) if found else 1.0))
        left -= shares[-1]
    assert shares == pytest.approx([1 / count] * count, abs=1e-6)


def test_sources_outside_the_pod_network_are_masqueraded() -> None:
    ruleset = Ruleset(OWN, "10.1.0.0/16")
    wanted = portal("ns/a", "10.0.0.1", "10.1.0.1", node_port=30080, external=("192.0.2.7",))
    ruleset.update({"ns/a": (wanted,)})
    assert send(ruleset, Packet("10.0.0.1", 80, source="192.0.2.1")).mark == rules.MASQUERADE
    assert send(ruleset, Packet("192.0.2.7", 80)).mark == rules.MASQUERADE
    packet = send(ruleset, Packet("192.0.2.2", 30080, local=True))
    assert (packet.mark, packet.target) == (rules.MASQUERADE, "10.1.0.1:8080")
    packet = send(ruleset, Packet("192.0.2.2", 30081, local=True))
    assert (packet.mark, packet.target) == (0, "")
    assert send(ruleset, Packet("192.0.2.2", 30080)).target == ""


def test_without_endpoints_packets_are_marked_for_refusal() -> None:
    ruleset = Ruleset(OWN, "10.1.0.0/16")
    ruleset.update({"ns/a": (portal("ns/a", "10.0.0.1", node_port=30080),)})
    for packet in (Packet("10.0.0.1", 80), Packet("192.0.2.2", 30080, local=True)):
        assert send(ruleset, packet).mark == rules.REFUSE


def test_affinity_remembers_before_it_chooses() -> None:
    ruleset = Ruleset(OWN)
    ruleset.update({"a": (portal("a", "10.0.0.1", "10.1.0.1", "10.1.0.2", affinity=60),)})
    listed = ruleset.chains[Chain("nat", ruleset.portal_chain(ruleset.portals("a")[0]))]
    assert [("--rcheck --seconds 60" in rule, "--set" in rule) for rule in listed] == [
        (True, False),
        (True, False),
        (False, True),
        (False, True),
    ]


def test_a_change_touches_only_its_own_chains() -> None:
    ruleset = Ruleset(OWN)
    names = {f"ns/{number}": f"10.0.{number // 250}.{number % 250 + 1}" for number in range(1000)}
    ruleset.update({name: (portal(name, address, "10.1.0.1"),) for name, address in names.items()})
    same = ruleset.update({"ns/500": (portal("ns/500", "10.0.2.1", "10.1.0.1"),)})
    assert same == set()
    dirty = ruleset.update({"ns/500": (portal("ns/500", "10.0.2.1", "10.1.0.2"),)})
    assert dirty == {Chain("nat", ruleset.portal_chain(ruleset.portals("ns/500")[0]))}
    before = dict(ruleset.chains)
    dirty = ruleset.update({"ns/500": ()})
    changed = {
        chain for chain in {*before, *ruleset.chains} if before.get(chain) != ruleset.chains.get(chain)
    }
    assert changed <= dirty
    assert len(dirty) <= 4


def test_ten_thousand_services_are_not_walked() -> None:
    ruleset = Ruleset(OWN)
    first = ipaddress.IPv4Address("10.0.0.1")
    ruleset.update({f"ns/{n}": (portal(f"ns/{n}", str(first + 6 * n), "10.1.0.1"),) for n in range(10_000)})
    address = str(first + 6 * 9_999)
    packet = send(ruleset, Packet(address, 80))
    assert packet.target == "10.1.0.1:8080"
    assert packet.walked < 100


def test_names_fit_into_the_kernels() -> None:
    ruleset = Ruleset(OWN)
    for number in range(40):
        wanted = portal(f"n/{number}", "255.255.255.255", "10.1.0.1", port=number + 1, node_port=32767)
        ruleset.update({f"n/{number}": (wanted,)})
    assert max(len(chain.name) for chain in ruleset.chains) <= 28


addresses = st.builds(
    lambda block, host: f"10.0.{block}.{host}", st.sampled_from([0, 1, 16]), st.integers(1, 254)
)
portals_of = st.lists(
    st.builds(
        lambda address, port, udp, node, ends: (address, port, udp, node, ends),
        addresses,
        st.integers(1, 3),
        st.booleans(),
        st.sampled_from([0, 0, 30000, 30063, 30064]),
        st.integers(0, 2),
    ),
    max_size=2,
)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), portals_of), max_size=70))
def test_any_history_gives_the_chains_of_its_end(steps: list[tuple[int, list[tuple]]]) -> None:
    """Incremental equals from scratch, dirty covers what changed, no rule leads nowhere, none is orphaned."""
    ruleset = Ruleset(OWN, "10.1.0.0/16")
    state: dict[str, tuple[Portal, ...]] = {}
    for number, wanted in steps:
        key = f"ns/{number}"
        state[key] = tuple(
            portal(
                f"{key}:{at}",
                address,
                *[f"10.1.{number}.{end + 1}" for end in range(ends)],
                port=port,
                protocol="UDP" if udp else "TCP",
                node_port=node,
            )
            for at, (address, port, udp, node, ends) in enumerate(wanted)
        )
        before = dict(ruleset.chains)
        dirty = ruleset.update({key: state[key]})
        both = {*before, *ruleset.chains}
        assert {chain for chain in both if before.get(chain) != ruleset.chains.get(chain)} <= dirty
    fresh = Ruleset(OWN, "10.1.0.0/16")
    fresh.update(state)
    assert fresh.chains == ruleset.chains
    named = {
        Chain("nat", name)
        for chain, listed in ruleset.chains.items()
        if chain.table == "nat"
        for rule in listed
        for name in re.findall(rf"-j ({OWN}\S+)", rule)
    }
    roots = {Chain("nat", f"{OWN}SVC"), Chain("nat", f"{OWN}POST")}
    assert named | roots == {chain for chain in ruleset.chains if chain.table == "nat"}


def test_kernels_without_some_matches_get_rules_without_them() -> None:
    ruleset = Ruleset(OWN, affinity=False, exact_hairpin=False)
    ruleset.update({"a": (portal("a", "10.0.0.1", "10.1.0.1", "10.1.0.2", affinity=60),)})
    every = [rule for listed in ruleset.chains.values() for rule in listed]
    assert not [rule for rule in every if "recent" in rule or "bpf" in rule]
    assert "! -o lo -m conntrack --ctstate DNAT -j MASQUERADE --random-fully" in every
