"""The allocator of pod addresses, its record, and the hollow network over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dromon.kubelet.network import ipam
from dromon.kubelet.network.hollow import HollowNetwork
from dromon.kubelet.network.interface import HostPort, NetworkError
from dromon.kubelet.network.ipam import Allocator


def test_gateway_is_first_and_addresses_are_not_reused_at_once() -> None:
    allocator = Allocator("10.1.3.0/29")
    assert allocator.gateway == "10.1.3.1"
    assert [allocator.allocate(name) for name in "abc"] == ["10.1.3.2", "10.1.3.3", "10.1.3.4"]
    allocator.release("a")
    assert allocator.allocate("d") == "10.1.3.5"
    assert allocator.allocate("d") == "10.1.3.5"
    assert allocator.allocate("e") == "10.1.3.6"
    assert allocator.allocate("f") == "10.1.3.2"
    with pytest.raises(NetworkError, match=r"no free address in 10\.1\.3\.0/29: 5 pods"):
        allocator.allocate("g")


def test_reserved_addresses_are_inside_and_one_pods() -> None:
    allocator = Allocator("10.1.3.0/24")
    assert allocator.reserve("a", "10.1.3.9")
    assert allocator.reserve("a", "10.1.3.9")
    assert not allocator.reserve("b", "10.1.3.9")
    for outside in ("10.1.3.1", "10.1.3.0", "10.1.3.255", "10.1.4.2", "nonsense"):
        assert not allocator.reserve("b", outside)
    assert allocator.reserve("a", "10.1.3.10")
    assert allocator.reserve("b", "10.1.3.9")


@pytest.mark.parametrize("cidr", ["", "10.1.3.1/24", "10.1.3.0/31", "fd00::/64", "x"])
def test_bad_subnets_are_refused(cidr: str) -> None:
    with pytest.raises(NetworkError, match="pod CIDR"):
        Allocator(cidr)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 12)), max_size=60))
def test_no_two_pods_share_an_address(steps: list[tuple[bool, int]]) -> None:
    allocator = Allocator("10.1.3.0/28")
    held: dict[str, str] = {}
    for take, number in steps:
        name = f"pod-{number}"
        if take:
            held[name] = allocator.allocate(name)
        else:
            allocator.release(name)
            held.pop(name, None)
        assert allocator.pods() == held
        assert len(set(held.values())) == len(held)
        assert allocator.gateway not in held.values()


def test_the_record_survives_and_damage_is_no_record(tmp_path: Path) -> None:
    path = tmp_path / "node" / "network.json"
    ports = {"a": (HostPort(80, 8080), HostPort(53, 53, "UDP", "127.0.0.1"))}
    ipam.save(str(path), {"a": "10.1.3.2"}, ports)
    assert ipam.load(str(path)) == ipam.Record({"a": "10.1.3.2"}, ports)
    for damaged in ("", "{", "[]", '{"addresses": 1}', '{"addresses": {}, "hostPorts": {"a": [[1]]}}'):
        path.write_text(damaged)
        assert ipam.load(str(path)) == ipam.Record()
    assert ipam.load(str(tmp_path / "none")) == ipam.Record()


async def test_hollow_network_only_allocates() -> None:
    network = HollowNetwork()
    with pytest.raises(NetworkError, match="no pod CIDR"):
        await network.attach("a", "")
    await network.setup_node("10.1.9.0/24")
    address = await network.attach("a", "")
    assert (address.ip, address.gateway) == ("10.1.9.2", "10.1.9.1")
    await network.attach("b", "")
    await network.adopt({"b": ""})
    assert network.address("a") is None
    assert network.address("b") == "10.1.9.3"
    await network.detach("b")
    assert network.address("b") is None
