"""Deployments: safe at every step of a rollout, and done in the end."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dromon.api import kinds, times
from dromon.api.types.deployment import Deployment, ReplicaSet
from dromon.controllers.controller import Controller
from dromon.controllers.deployments import revisions, rollout, status
from dromon.controllers.deployments.controller import DeploymentController
from dromon.controllers.replication.controller import ReplicaSetManager


def deployment(image: str = "v1", **spec: Any) -> Deployment:
    template = {
        "metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": image}]},
    }
    obj = msgspec.convert(
        {
            "metadata": {"name": "d", "namespace": "default", "generation": 1, "uid": "uid-d"},
            "spec": {"replicas": 4, "selector": {"matchLabels": {"app": "x"}}, "template": template, **spec},
        },
        Deployment,
    )
    kinds.DEPLOYMENTS.strategy.default(obj)
    return obj


class Both:
    """The loops of deployments and of replica sets over one world; pods become ready when told."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.deployments = DeploymentController(world.context)
        self.sets = ReplicaSetManager(world.context)

    async def settle(self, *, ready: bool = True) -> None:
        quiet = 0
        for _ in range(300):
            before = len(self.world.api.log)
            loops: tuple[Controller[Any], ...] = (self.deployments, self.sets)
            for loop in loops:
                await self.world.settle(loop)
            if ready:
                self.make_ready()
            quiet = quiet + 1 if len(self.world.api.log) == before else 0
            if quiet > 2:
                return
        raise AssertionError("the rollout does not come to rest")

    def make_ready(self) -> None:
        for pod in self.world.api.all(kinds.PODS):
            if not pod.status.conditions and pod.metadata.deletion_timestamp is None:
                plain = {"type": "Ready", "status": "True", "lastTransitionTime": times.format(0)}
                pod.status = msgspec.convert({"phase": "Running", "conditions": [plain]}, type(pod.status))
                self.world.api.put(pod)

    def change(self, **parts: Any) -> None:
        obj = self.world.api.one(kinds.DEPLOYMENTS, "d", "default")
        wanted = deployment(**parts)
        obj.spec = wanted.spec
        obj.metadata.generation += 1
        self.world.api.put(obj)

    @property
    def stands(self) -> Any:
        return self.world.api.one(kinds.DEPLOYMENTS, "d", "default")

    def images(self) -> list[str]:
        return sorted(p.spec.containers[0].image for p in self.world.api.all(kinds.PODS))

    def sizes(self) -> dict[str, int]:
        """Replicas by image, of the sets that have any."""
        sets = self.world.api.all(kinds.REPLICA_SETS)
        return {
            rs.spec.template.spec.containers[0].image: rs.spec.replicas for rs in sets if rs.spec.replicas
        }


@pytest.fixture
def both(world: Any) -> Both:
    return Both(world)


async def test_a_new_deployment_has_one_set(both: Both) -> None:
    both.world.api.put(deployment())
    await both.settle()
    (rs,) = both.world.api.all(kinds.REPLICA_SETS)
    digest = rs.metadata.labels[revisions.HASH_LABEL]
    assert rs.metadata.name == f"d-{digest}"
    assert rs.spec.selector.match_labels == {"app": "x", revisions.HASH_LABEL: digest}
    assert both.images() == ["v1"] * 4
    told = both.stands.status
    assert (told.replicas, told.updated_replicas, told.available_replicas) == (4, 4, 4)
    reasons = {c.type: (c.status, c.reason) for c in told.conditions}
    assert reasons == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    assert both.stands.metadata.annotations[revisions.REVISION] == "1"
    assert (
        "Normal",
        "ScalingReplicaSet",
        f"Scaled up replica set d-{digest} from 0 to 4",
    ) in both.world.events


async def test_a_new_template_is_rolled_out_and_can_come_back(both: Both) -> None:
    both.world.api.put(deployment())
    await both.settle()
    first = both.world.api.all(kinds.REPLICA_SETS)[0].metadata.name
    both.change(image="v2")
    await both.settle()
    assert both.images() == ["v2"] * 4
    assert both.stands.metadata.annotations[revisions.REVISION] == "2"
    both.change(image="v1")
    await both.settle()
    assert both.images() == ["v1"] * 4
    back = both.world.api.one(kinds.REPLICA_SETS, first, "default")
    assert back.metadata.annotations[revisions.REVISION] == "3"
    assert back.metadata.annotations[revisions.REVISION_HISTORY] == "1"
    assert len(both.world.api.all(kinds.REPLICA_SETS)) == 2


async def test_pods_that_never_get_ready_stop_the_rollout(both: Both) -> None:
    both.world.api.put(deployment())
    await both.settle()
    both.change(image="broken")
    await both.settle(ready=False)
    # 25 % of 4 is one more, and one fewer.
    assert both.sizes() == {"v1": 3, "broken": 2}
    await both.world.settle(both.deployments, 700.0)
    failed = status.find(both.stands.status.conditions, status.PROGRESSING)
    assert failed is not None
    assert (failed.status, failed.reason) == ("False", "ProgressDeadlineExceeded")


async def test_recreation_waits_for_the_end_of_the_old(both: Both) -> None:
    both.world.api.put(deployment(strategy={"type": "Recreate"}))
    await both.settle()
    for pod in both.world.api.all(kinds.PODS):
        pod.metadata.finalizers = ["example.com/slow"]
        both.world.api.put(pod)
    both.change(image="v2", strategy={"type": "Recreate"})
    await both.settle()
    assert both.images() == ["v1"] * 4
    for pod in both.world.api.all(kinds.PODS):
        both.world.api.drop(kinds.PODS, pod.metadata.name, "default")
    await both.settle()
    assert both.images() == ["v2"] * 4


async def test_a_paused_deployment_scales_and_does_not_roll(both: Both) -> None:
    both.world.api.put(deployment())
    await both.settle()
    both.change(image="v2", paused=True, replicas=6)
    await both.settle()
    assert both.images() == ["v1"] * 6
    told = status.find(both.stands.status.conditions, status.PROGRESSING)
    assert told is not None
    assert told.reason == "DeploymentPaused"
    both.change(image="v2", replicas=6)
    await both.settle()
    assert both.images() == ["v2"] * 6


async def test_old_sets_are_kept_as_far_as_asked(both: Both) -> None:
    for i in range(5):
        if i == 0:
            both.world.api.put(deployment(image="v0", revisionHistoryLimit=2))
        else:
            both.change(image=f"v{i}", revisionHistoryLimit=2)
        await both.settle()
    left = [rs.spec.template.spec.containers[0].image for rs in both.world.api.all(kinds.REPLICA_SETS)]
    assert sorted(left) == ["v2", "v3", "v4"]


async def test_an_orphan_is_adopted_and_a_taken_name_avoided(both: Both) -> None:
    d = deployment()
    mine = revisions.new_set(d, 4, {})
    mine.metadata.owner_references = []
    both.world.api.put(mine)
    both.world.api.put(d)
    await both.settle()
    (rs,) = both.world.api.all(kinds.REPLICA_SETS)
    assert rs.metadata.owner_references[0].kind == "Deployment"
    other = revisions.new_set(deployment(image="v2"), 0, {})
    other.spec.template.spec.containers[0].image = "somebody's"
    other.metadata.owner_references[0].uid = "uid-other"
    both.world.api.put(other)
    both.change(image="v2")
    await both.settle()
    assert both.images() == ["v2"] * 4
    assert both.stands.status.collision_count == 1


def sized(name: str, replicas: int, available: int, created: float = 0.0) -> ReplicaSet:
    rs = msgspec.convert({"metadata": {"name": name, "uid": name}}, ReplicaSet)
    rs.metadata.creation_timestamp = times.format(created)
    rs.spec.replicas = replicas
    rs.status.available_replicas = available
    return rs


SHARES = st.one_of(st.integers(0, 10), st.integers(0, 100).map(lambda n: f"{n}%"))


@given(
    replicas=st.integers(0, 20),
    new=st.integers(0, 20),
    olds=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), max_size=3),
    ready=st.integers(0, 20),
    surge=SHARES,
    unavailable=SHARES,
)
def test_a_step_never_leaves_the_bounds(
    replicas: int, new: int, olds: list[tuple[int, int]], ready: int, surge: int | str, unavailable: int | str
) -> None:
    """Never more pods than allowed are added, and no available pod is given up that is needed."""
    d = deployment(
        replicas=replicas,
        strategy={"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
    )
    newest = sized("new", min(new, replicas), min(ready, new, replicas), 9.0)
    old = [sized(f"old{i}", size, min(size, up), float(i)) for i, (size, up) in enumerate(olds)]
    sizes = rollout.rolling(d, newest, old)
    everything = [newest, *old]
    before = sum(rollout.replicas(rs) for rs in everything)
    after = sum(sizes.get(rs.metadata.name, rollout.replicas(rs)) for rs in everything)
    limit = rollout.bounds(d)
    assert after <= max(before, replicas + limit.surge)
    assert all(size >= 0 for size in sizes.values())
    available = sum(rs.status.available_replicas for rs in everything)
    # The set's own loop gives up unhealthy pods first.
    kept = sum(
        min(rs.status.available_replicas, sizes.get(rs.metadata.name, rollout.replicas(rs)))
        for rs in everything
    )
    assert kept >= min(available, replicas - limit.unavailable)


@given(
    replicas=st.integers(1, 12),
    surge=SHARES,
    unavailable=SHARES,
    olds=st.lists(st.integers(0, 8), max_size=3),
)
def test_a_rollout_ends(replicas: int, surge: int | str, unavailable: int | str, olds: list[int]) -> None:
    """When every pod becomes available, the newest set has all of them after finitely many steps."""
    d = deployment(
        replicas=replicas,
        strategy={"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
    )
    newest = sized("new", 0, 0, 9.0)
    old = [sized(f"old{i}", size, size, float(i)) for i, size in enumerate(olds)]
    for _ in range(200):
        sizes = rollout.rolling(d, newest, old)
        if not sizes:
            break
        for rs in [newest, *old]:
            rs.spec.replicas = rs.status.available_replicas = sizes.get(
                rs.metadata.name, rs.spec.replicas or 0
            )
    assert rollout.replicas(newest) == replicas
    assert not any(rollout.replicas(rs) for rs in old)


def test_a_change_of_size_in_the_middle_is_shared() -> None:
    d = deployment(replicas=20, strategy={"rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}})
    sets = [sized("old", 8, 8, 0.0), sized("new", 5, 5, 1.0)]
    for rs in sets:
        rs.metadata.annotations = {revisions.DESIRED: "10", revisions.MAXIMUM: "13"}
    assert rollout.is_scaling(d, sets)
    assert rollout.resized(d, sets[1], sets[:1]) == {"old": 14, "new": 9}
