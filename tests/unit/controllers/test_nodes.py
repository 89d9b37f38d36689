"""Nodes: lifecycle, eviction and subnets at work on a fake API and a fake clock."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from dromon.api import kinds, times
from dromon.api.types.coordination import Lease, LeaseSpec
from dromon.api.types.meta import ObjectMeta
from dromon.client.rest import ConnectionFailed
from dromon.controllers.nodes.eviction import TaintEviction
from dromon.controllers.nodes.ipam import NodeIpam
from dromon.controllers.nodes.lifecycle import NodeLifecycle

UNREACHABLE = "node.kubernetes.io/unreachable"


def ready(world: Any, name: str = "n1") -> tuple[str, str]:
    node = world.api.one(kinds.NODES, name)
    found = next(c for c in node.status.conditions if c.type == "Ready")
    return found.status, found.reason


def effects(world: Any, name: str = "n1") -> set[tuple[str, str]]:
    return {(t.key, t.effect) for t in world.api.one(kinds.NODES, name).spec.taints}


def renew(world: Any, name: str) -> None:
    meta = ObjectMeta(name=name, namespace="kube-node-lease")
    world.api.put(Lease(metadata=meta, spec=LeaseSpec(renew_time=times.micro(world.clock.now()))))


async def run(world: Any, loop: Any, seconds: int, alive: tuple[str, ...] = ()) -> None:
    """Let time pass; the nodes of `alive` renew their leases."""
    for _ in range(0, seconds, 10):
        for name in alive:
            renew(world, name)
        await world.settle(loop, 10)


async def test_forty_seconds_of_silence(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1", ready="True"))
    world.api.put(make.node("n2", ready="True"))
    world.api.put(make.pod("p", node="n1", ready=True))
    await run(world, loop, 30, alive=("n2",))
    assert ready(world)[0] == "True"
    await run(world, loop, 20, alive=("n2",))
    assert ready(world) == ("Unknown", "NodeStatusUnknown")
    assert ready(world, "n2")[0] == "True"
    assert effects(world) == {(UNREACHABLE, "NoSchedule"), (UNREACHABLE, "NoExecute")}
    assert effects(world, "n2") == set()
    pod = world.api.one(kinds.PODS, "p", "default")
    assert pod.status.conditions[0].status == "False"
    assert ("Normal", "NodeNotReady", "Node n1 status is now: NodeNotReady") in world.events
    assert ("Warning", "NodeNotReady", "Node is not ready") in world.events


async def test_leases_keep_a_node_alive(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1", ready="True"))
    await run(world, loop, 200, alive=("n1",))
    assert ready(world)[0] == "True"
    assert world.api.count("patch", "nodes") == 0


async def test_posted_status_keeps_a_node_alive_and_brings_it_back(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1", ready="True"))
    world.api.put(make.node("n2", ready="True"))
    for _ in range(4):
        await run(world, loop, 30, alive=("n2",))
        world.api.put(make.node("n1", ready="True", heartbeat=world.clock.now()))
    assert ready(world)[0] == "True"
    await run(world, loop, 60, alive=("n2",))
    assert ready(world)[0] == "Unknown"
    back = make.node("n1", ready="True", heartbeat=world.clock.now())
    back.spec = world.api.one(kinds.NODES, "n1").spec
    world.api.put(back)
    await run(world, loop, 10, alive=("n1", "n2"))
    assert effects(world) == set()


async def test_a_cache_that_is_behind_declares_nobody_lost(world: Any, make: Any) -> None:
    """Leases are renewed, but the informer does not show it."""
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1", ready="True"))
    world.informers.pump()
    for _ in range(12):
        renew(world, "n1")
        await world.clock.advance(10)
        await world.work(loop)
    assert ready(world)[0] == "True"


async def test_who_cannot_ask_cannot_hear(world: Any, make: Any) -> None:
    """The API was away for long: nodes get their grace again after it."""
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1", ready="True"))
    await world.settle(loop)
    world.api.fail = lambda verb, plural, name: ConnectionFailed("away")
    await world.settle(loop, 120)
    world.api.fail = lambda verb, plural, name: None
    await world.settle(loop, 5)
    assert ready(world)[0] == "True"


async def test_a_node_that_never_reports(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1"))
    world.api.put(make.node("n2", ready="True"))
    await run(world, loop, 50, alive=("n2",))
    assert world.api.one(kinds.NODES, "n1").status.conditions == []
    await run(world, loop, 20, alive=("n2",))
    assert ready(world) == ("Unknown", "NodeStatusNeverUpdated")


async def test_when_all_are_silent_nobody_is_driven_away(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    for i in range(3):
        world.api.put(make.node(f"n{i}", ready="True"))
    await run(world, loop, 100)
    for i in range(3):
        assert effects(world, f"n{i}") == {(UNREACHABLE, "NoSchedule")}
    # One comes back: so do evictions, after a full grace for the others.
    world.api.put(make.node("n0", ready="True", heartbeat=world.clock.now()))
    await run(world, loop, 20, alive=("n0",))
    assert (UNREACHABLE, "NoExecute") in effects(world, "n1") | effects(world, "n2")


async def test_nodes_are_driven_out_one_in_ten_seconds(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    for i in range(8):
        world.api.put(make.node(f"n{i}", ready="True"))
    alive = tuple(f"n{i}" for i in range(4, 8))
    await run(world, loop, 30, alive=alive)
    counts = []
    for _ in range(7):
        await run(world, loop, 10, alive=alive)
        counts.append(sum((UNREACHABLE, "NoExecute") in effects(world, f"n{i}") for i in range(4)))
    assert counts[-1] == 4
    assert all(later - earlier <= 1 for earlier, later in pairwise(counts))


async def test_unready_nodes_and_cordons_are_tainted(world: Any, make: Any) -> None:
    loop = NodeLifecycle(world.context)
    world.api.put(make.node("n1", ready="False"))
    world.api.put(make.node("n2", ready="True", unschedulable=True))
    await world.settle(loop)
    assert effects(world) == {
        ("node.kubernetes.io/not-ready", "NoSchedule"),
        ("node.kubernetes.io/not-ready", "NoExecute"),
    }
    assert effects(world, "n2") == {("node.kubernetes.io/unschedulable", "NoSchedule")}


TAINT = {"key": UNREACHABLE, "effect": "NoExecute"}


def bears(seconds: int | None) -> list[dict[str, Any]]:
    one: dict[str, Any] = {"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute"}
    return [one if seconds is None else one | {"tolerationSeconds": seconds}]


def alive(world: Any) -> set[str]:
    return {p.metadata.name for p in world.api.all(kinds.PODS) if p.metadata.deletion_timestamp is None}


async def test_pods_leave_when_their_toleration_ends(world: Any, make: Any) -> None:
    loop = TaintEviction(world.context)
    world.api.put(make.node("n1"))
    world.api.put(make.pod("never", node="n1"))
    world.api.put(make.pod("later", node="n1", tolerations=bears(300)))
    world.api.put(make.pod("stays", node="n1", tolerations=bears(None)))
    world.api.put(make.pod("elsewhere", node="n2"))
    await world.settle(loop)
    assert len(alive(world)) == 4
    world.api.put(make.node("n1", taints=[TAINT]))
    await world.settle(loop, 10)
    assert alive(world) == {"later", "stays", "elsewhere"}
    await world.settle(loop, 280)
    assert "later" in alive(world)
    await world.settle(loop, 20)
    assert alive(world) == {"stays", "elsewhere"}
    evicted = world.api.one(kinds.PODS, "later", "default")
    assert evicted.status.conditions[-1].reason == "DeletionByTaintManager"
    assert ("Normal", "TaintManagerEviction", "Marking for deletion Pod default/later") in world.events


async def test_a_taint_that_goes_in_time_cancels(world: Any, make: Any) -> None:
    loop = TaintEviction(world.context)
    world.api.put(make.node("n1", taints=[TAINT]))
    world.api.put(make.pod("later", node="n1", tolerations=bears(300)))
    await world.settle(loop, 200)
    world.api.put(make.node("n1"))
    await world.settle(loop, 200)
    assert alive(world) == {"later"}
    assert ("Normal", "TaintManagerEviction", "Cancelling deletion of Pod default/later") in world.events
    world.api.put(make.node("n1", taints=[TAINT]))
    await world.settle(loop, 250)
    assert alive(world) == {"later"}


async def test_eviction_asks_the_api_first(world: Any, make: Any) -> None:
    loop = TaintEviction(world.context)
    world.api.put(make.node("n1", taints=[TAINT]))
    world.api.put(make.pod("p", node="n1"))
    world.informers.pump()
    world.api.put(make.node("n1"))  # not seen yet
    await world.work(loop)
    assert alive(world) == {"p"}


async def test_subnets(world: Any, make: Any) -> None:
    loop = NodeIpam(world.context)
    world.api.put(make.node("taken", cidr="10.1.2.0/24"))
    for name in ("a", "b"):
        world.api.put(make.node(name))
    await world.settle(loop)

    def given() -> dict[str, str]:
        return {n.metadata.name: n.spec.pod_cidr for n in world.api.all(kinds.NODES)}

    assert given() == {"taken": "10.1.2.0/24", "a": "10.1.1.0/24", "b": "10.1.3.0/24"}
    assert world.api.one(kinds.NODES, "a").spec.pod_cidrs == ["10.1.1.0/24"]
    world.api.drop(kinds.NODES, "taken")
    await world.settle(loop)
    world.api.put(make.node("c"))
    await world.settle(loop)
    assert given()["c"] == "10.1.2.0/24"


async def test_a_lost_answer_costs_no_subnet(world: Any, make: Any) -> None:
    loop = NodeIpam(world.context)
    world.api.put(make.node("a"))
    world.informers.pump()
    world.api.fail = lambda verb, plural, name: ConnectionFailed("lost") if verb == "patch" else None
    await world.work(loop)
    world.api.fail = lambda verb, plural, name: None
    world.api.put(make.node("b"))
    await world.settle(loop, 2)
    assert sorted(n.spec.pod_cidr for n in world.api.all(kinds.NODES)) == ["10.1.1.0/24", "10.1.2.0/24"]


async def test_a_manager_that_starts_knows_what_is_given(world: Any, make: Any) -> None:
    first = NodeIpam(world.context)
    world.api.put(make.node("a"))
    await world.settle(first)
    world.informers.made.clear()
    second = NodeIpam(world.context)
    world.api.put(make.node("b"))
    await world.settle(second)
    assert world.api.one(kinds.NODES, "b").spec.pod_cidr == "10.1.2.0/24"


async def test_exhaustion_says_so(make_world: Any, make: Any) -> None:
    from dromon.controllers.config import ControllerManagerConfig

    config = ControllerManagerConfig(kubeconfig="", pod_cidr="10.1.0.0/24")
    world = make_world(config=config)
    loop = NodeIpam(world.context)
    world.api.put(make.node("a"))
    world.api.put(make.node("b"))
    world.informers.pump()
    await world.work(loop)
    assert ("Normal", "CIDRNotAvailable", "Node b status is now: CIDRNotAvailable") in world.events
    world.api.drop(kinds.NODES, "a")
    await world.settle(loop, 2)
    assert world.api.one(kinds.NODES, "b").spec.pod_cidr == "10.1.0.0/24"
