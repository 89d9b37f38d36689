"""Replica sets: the replication controller's loop over selectors of any form."""

from __future__ import annotations

from typing import Any

import msgspec

from dromon.api import kinds
from dromon.api.types.deployment import ReplicaSet
from dromon.controllers.replication.controller import ReplicaSetManager

SELECTOR = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a", "b"]}]}


def replica_set(name: str = "rs", replicas: int = 2, selector: Any = SELECTOR) -> ReplicaSet:
    return msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "default", "generation": 1},
            "spec": {
                "replicas": replicas,
                "selector": selector,
                "template": {
                    "metadata": {"labels": {"app": "a"}},
                    "spec": {"containers": [{"name": "c", "image": "i"}]},
                },
            },
        },
        ReplicaSet,
    )


async def test_keeps_its_copies_and_tells_their_number(world: Any) -> None:
    loop = ReplicaSetManager(world.context)
    rs = world.api.put(replica_set(replicas=3))
    await world.settle(loop)
    pods = world.api.all(kinds.PODS)
    assert len(pods) == 3
    (owner,) = pods[0].metadata.owner_references
    assert (owner.api_version, owner.kind, owner.uid) == ("apps/v1", "ReplicaSet", rs.metadata.uid)
    status = world.api.one(kinds.REPLICA_SETS, "rs", "default").status
    assert (status.replicas, status.fully_labeled_replicas, status.observed_generation) == (3, 3, 1)


async def test_adopts_what_its_expressions_select(world: Any, make: Any) -> None:
    loop = ReplicaSetManager(world.context)
    world.api.put(make.pod("b", labels={"app": "b"}))
    world.api.put(make.pod("c", labels={"app": "c"}))
    world.api.put(replica_set(replicas=1))
    await world.settle(loop)
    owners = {
        p.metadata.name: [o.kind for o in p.metadata.owner_references] for p in world.api.all(kinds.PODS)
    }
    assert owners == {"b": ["ReplicaSet"], "c": []}


async def test_a_pod_without_an_owner_wakes_the_set_that_selects_it(world: Any, make: Any) -> None:
    loop = ReplicaSetManager(world.context)
    world.api.put(replica_set(replicas=1))
    await world.settle(loop)
    world.api.put(make.pod("late", labels={"app": "b"}))
    await world.settle(loop)
    assert len(world.api.all(kinds.PODS)) == 1
