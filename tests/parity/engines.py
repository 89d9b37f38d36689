"""Both engines side by side, and what the parity tests draw from.

Neighbours: test_scheduler and test_scheduler_around.
"""

from __future__ import annotations

from hypothesis import strategies as st

from dromon._core import CompiledPod, SchedulerEngine
from dromon.scheduler.engine.reference import ReferenceEngine
from dromon.scheduler.inputs import HostPort, PodClass, Taint, Toleration

NODES = tuple(f"node-{i}" for i in range(6))
UIDS = tuple(f"uid-{i}" for i in range(12))

uids = st.sampled_from(UIDS)
effects = st.sampled_from(("NoSchedule", "NoExecute", "PreferNoSchedule"))
taints = st.builds(Taint, st.sampled_from(("dedicated", "gpu")), st.sampled_from(("x", "y", "")), effects)
tolerations = st.builds(
    Toleration,
    key=st.sampled_from(("dedicated", "gpu", "", "node.kubernetes.io/unschedulable")),
    operator=st.sampled_from(("Equal", "Exists", "", "Lt")),
    value=st.sampled_from(("x", "y", "")),
    effect=st.one_of(st.just(""), effects),
)
ports = st.builds(
    HostPort,
    st.sampled_from(("0.0.0.0", "127.0.0.1", "10.0.0.1")),
    st.sampled_from(("TCP", "UDP")),
    st.sampled_from((80, 443)),
)


class Both:
    """Both engines, called alike and compared after every call."""

    def __init__(self, seed: int, classes: list[PodClass]) -> None:
        self.rust = SchedulerEngine(seed)
        self.python = ReferenceEngine(seed)
        self.classes = classes
        self.started = 0

    def compiled(self, k: int) -> CompiledPod:
        """Compiled anew each time, as after the scheduler's cache forgot it."""
        return self.rust.compile(self.classes[k])

    def step(self, step: tuple) -> None:
        match step:
            case ("set", node):
                self.rust.set_node(node)
                self.python.set_node(node)
            case ("drop", name):
                self.rust.remove_node(name)
                self.python.remove_node(name)
            case ("add", uid, k, node):
                self.started += 7 if k % 2 else -3
                assert self.rust.add_pod(uid, self.compiled(k), node, self.started) == self.python.add_pod(
                    uid, self.classes[k], node, self.started
                )
            case ("namespace", name, labels):
                self.rust.set_namespace(name, labels)
                self.python.set_namespace(name, labels)
            case ("no namespace", name):
                self.rust.remove_namespace(name)
                self.python.remove_namespace(name)
            case ("budgets", budgets):
                self.rust.set_budgets(budgets)
                self.python.set_budgets(budgets)
            case ("nominate", uid, k, node):
                self.rust.nominate(uid, self.compiled(k), node)
                self.python.nominate(uid, self.classes[k], node)
            case ("withdraw", uid):
                self.rust.withdraw(uid)
                self.python.withdraw(uid)
            case ("preempt", uid, k):
                if self.rust.pod_node(uid) is None:
                    got = self.rust.preempt(uid, self.compiled(k))
                    assert got == self.python.preempt(uid, self.classes[k])
            case ("remove", uid):
                self.rust.remove_pod(uid)
                self.python.remove_pod(uid)
            case ("look", k):
                self.compare_scores(k)
            case ("schedule", batch):
                got = self.rust.schedule([(uid, self.compiled(k)) for uid, k in batch])
                assert got == self.python.schedule([(uid, self.classes[k]) for uid, k in batch])

    def compare(self) -> None:
        assert self.rust.node_count() == self.python.node_count()
        for uid in UIDS:
            assert self.rust.pod_node(uid) == self.python.pod_node(uid)
        for k, plain in enumerate(self.classes):
            compiled = self.compiled(k)
            self.compare_scores(k)
            scores = self.rust.scores(compiled)
            assert self.rust.looks_around(compiled) == self.python.looks_around(plain)
            assert self.rust.fits_somewhere(compiled) == self.python.fits_somewhere(plain) == bool(scores)
            for name in (*NODES, "unknown"):
                assert self.rust.has_node(name) == self.python.has_node(name)
                assert self.rust.fits(compiled, name) == self.python.fits(plain, name) == (name in scores)

    def compare_scores(self, k: int) -> None:
        """Feasible nodes, their scores, and their order."""
        got, expected = self.rust.scores(self.compiled(k)), self.python.scores(self.classes[k])
        assert list(got.items()) == list(expected.items())
