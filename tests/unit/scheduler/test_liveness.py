"""No lost wake-ups: whatever happens in whatever order, a pod that could run soon does.


The judge says whether a pod could run.
"""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import convert, structs

from dromon.api.types.namespace import Namespace
from dromon.scheduler import model
from dromon.testing.clock import settle
from dromon.testing.judge import Judge

from .conftest import Make
from .rig import Rig, on

HOST, ZONE = "kubernetes.io/hostname", "zone"
NODES, PODS = "pqr", tuple(f"p{i}" for i in range(8))


def near(app: str, key: str, **more: object) -> dict[str, object]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def affinity(*terms: dict[str, object], anti: bool = False) -> dict[str, object]:
    kind = "podAntiAffinity" if anti else "podAffinity"
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}}


def spread(app: str, key: str, **more: object) -> dict[str, object]:
    constraint = {**near(app, key), "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **more}
    return {"topologySpreadConstraints": [constraint]}


TEMPLATES = (
    ("a", {}),
    ("b", {}),
    ("a", affinity(near("a", ZONE), anti=True)),
    ("a", affinity(near("a", HOST), anti=True)),
    ("b", affinity(near("a", ZONE, namespaceSelector={"matchLabels": {"team": "x"}}), anti=True)),
    ("b", affinity(near("a", ZONE))),
    ("b", affinity(near("b", HOST))),
    ("a", spread("a", ZONE)),
    ("a", spread("a", HOST, minDomains=2)),
    ("a", {"nodeSelector": {ZONE: "1"}, **spread("a", ZONE, nodeTaintsPolicy="Honor")}),
)

names, templates = st.sampled_from(PODS), st.sampled_from(TEMPLATES)
labels = st.sampled_from(({}, {ZONE: "1"}, {ZONE: "1", HOST: "h"}, {ZONE: "2", HOST: "g"}, {HOST: "i"}))
events = st.lists(
    st.one_of(
        st.tuples(st.just("node"), st.sampled_from(NODES), labels, st.sampled_from("123")),
        st.tuples(st.just("drop"), st.sampled_from(NODES)),
        st.tuples(st.just("pod"), names, templates),
        st.tuples(st.just("pod"), names, templates),
        st.tuples(st.just("lose"), names),
        st.tuples(st.just("relabel"), names, st.sampled_from("ab")),
        st.tuples(st.just("leave"), names),
        st.tuples(st.just("namespace"), st.sampled_from(({}, {"team": "x"}))),
        st.tuples(st.just("wait"), st.sampled_from((1, 12))),
    ),
    min_size=4,
    max_size=24,
)


class World(Rig):
    """The rig, with an API that keeps nodes and pods and shows bindings."""

    def __init__(self) -> None:
        super().__init__("rust")
        self.known: dict[str, object] = {}
        self.namespaces: dict[str, dict[str, str]] = {}
        self.space: Namespace | None = None

    async def happens(self, event: tuple) -> None:
        match event:
            case ("node", name, labels, pods):
                node = Make.node(name, pods=pods, labels=labels)
                self.scheduler.node_changed(self.known.get(name), node)
                self.known[name] = node
            case ("drop", name) if name in self.known:
                self.scheduler.node_changed(self.known.pop(name), None)
            case ("pod", name, (app, spec)) if name not in self.pods:
                self.see(Make.pod(name, metadata={"labels": {"app": app}}, **spec))
            case ("lose", name) if name in self.pods:
                self.lose(name)
                self.binder.placements = [p for p in self.binder.placements if p.name != name]
            case ("relabel", name, app) if name in self.pods:
                self.change(name, labels={"app": app})
            case ("leave", name) if name in self.pods and self.pods[name].spec.node_name:
                self.change(name, deletion_timestamp="2024-01-01T00:00:00Z")
            case ("namespace", labels):
                space = convert({"metadata": {"name": "default", "labels": labels}}, Namespace)
                self.scheduler.namespace_changed(self.space, space)
                self.space, self.namespaces["default"] = space, labels
            case ("wait", seconds):
                await self.wait(seconds)
        await settle()
        self.show_bindings()

    def change(self, name: str, **meta: object) -> None:
        pod = self.pods[name]
        self.see(structs.replace(pod, metadata=structs.replace(pod.metadata, **meta)))

    def show_bindings(self) -> None:
        for name, node in self.binder.bound.items():
            if name in self.pods and not self.pods[name].spec.node_name:
                self.see(on(self.pods[name], node))

    def waiting_in_vain(self) -> list[str]:
        """Pods that have no node though one would take them."""
        judge = Judge(map(model.node_info, self.known.values()), self.namespaces)
        for name, pod in self.pods.items():
            if pod.spec.node_name:
                judge.add(name, model.pod_class(pod), pod.spec.node_name)
        waiting = {name: model.pod_class(pod) for name, pod in self.pods.items() if not pod.spec.node_name}
        return [n for n, pod in waiting.items() if any(not judge.broken(pod, node) for node in judge.nodes)]


async def live(happened: list[tuple]) -> None:
    world = World()
    async with world.running():
        for event in happened:
            await world.happens(event)
        for _ in range(len(PODS)):
            await world.happens(("wait", 11))
            if not world.waiting_in_vain():
                return
    assert not world.waiting_in_vain()


@settings(max_examples=300, deadline=None)
@given(events)
def test_whoever_could_run_does(happened: list[tuple]) -> None:
    asyncio.run(live(happened))
