"""status.pod_status: what clients are told, by what is observed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from dromon.api import times
from dromon.api.types.container import Container as Spec
from dromon.api.types.container import Probe, ResourceRequirements
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodReadinessGate, PodSpec
from dromon.api.types.pod_status import PodCondition, PodStatus
from dromon.kubelet.qos import limits, oom_score_adj, qos_class
from dromon.kubelet.runtime.interface import Container, PodRef, State
from dromon.kubelet.status import pod_status
from dromon.kubelet.view import Blocked, CrashBackoff, Failure, Notes, View

NOW = 1_700_000_000.0
REF = PodRef("default", "web", "u1")
SANDBOX = Container("s0", REF, "", 0, State.RUNNING, netns="ns")


def pod(*containers: Spec, policy: str = "Always", **spec: Any) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="web", namespace="default", uid="u1"),
        spec=PodSpec(
            containers=list(containers) or [Spec(name="c", image="i")], restart_policy=policy, **spec
        ),
    )


def run(name: str = "c", attempt: int = 0, code: int | None = None, **more: Any) -> Container:
    state = State.RUNNING if code is None else State.EXITED
    more.setdefault("started_at", NOW - 60)
    finished = 0.0 if code is None else NOW - 1
    return Container(
        f"{name}{attempt}", REF, name, attempt, state, sandbox="s0", exit_code=code or 0,
        finished_at=more.pop("finished_at", finished), **more,
    )  # fmt: skip


def view(*runs: Container, **more: Any) -> View:
    containers: dict[str, tuple[Container, ...]] = {}
    for each in sorted(runs, key=lambda r: -r.attempt):
        containers[each.name] = (*containers.get(each.name, ()), each)
    more.setdefault("sandboxes", (SANDBOX,))
    return View(containers=containers, mounted=True, attached=True, address="10.1.0.2", **more)


def status(target: Pod, seen: View, now: float = NOW) -> PodStatus:
    return pod_status(target, seen, now, host_ip="10.0.0.9", scheme="docker")


def conditions(made: PodStatus) -> dict[str, str]:
    return {c.type: c.status for c in made.conditions}


@pytest.mark.parametrize(
    ("policy", "codes", "phase"),
    [
        ("Always", (None, None), "Running"),
        ("Always", (0, None), "Running"),
        ("Always", (1, 1), "Running"),
        ("OnFailure", (0, 0), "Succeeded"),
        ("OnFailure", (0, 1), "Running"),
        ("Never", (0, 0), "Succeeded"),
        ("Never", (0, 2), "Failed"),
        ("Never", (2, None), "Running"),
    ],
)
def test_the_phase_follows_from_the_containers(
    policy: str, codes: tuple[int | None, int | None], phase: str
) -> None:
    target = pod(Spec(name="a", image="i"), Spec(name="b", image="i"), policy=policy)
    assert status(target, view(run("a", code=codes[0]), run("b", code=codes[1]))).phase == phase


@pytest.mark.parametrize("final", ["Succeeded", "Failed"])
def test_a_final_phase_is_never_left(final: str) -> None:
    target = pod()
    target.status.phase = final
    assert status(target, view(run(), terminal=True)).phase == final


def test_a_pending_pod_says_what_it_waits_for() -> None:
    made = status(pod(), View())
    waiting = made.container_statuses[0].state.waiting
    assert made.phase == "Pending"
    assert waiting is not None
    assert waiting.reason == "ContainerCreating"
    blocked = Blocked("ErrImagePull", "no such host", NOW, NOW + 10, 10.0, ("ImagePullBackOff", "back-off"))
    seen = view(notes={"c": Notes(blocked=blocked)})
    assert status(pod(), seen).container_statuses[0].state.waiting.reason == "ErrImagePull"  # type: ignore[union-attr]
    later = status(pod(), seen, NOW + 5).container_statuses[0].state.waiting
    assert later is not None
    assert later.reason == "ImagePullBackOff"


def test_init_containers_hold_the_pod_pending() -> None:
    target = pod(init_containers=[Spec(name="init", image="i")])
    made = status(target, view(run("init")))
    assert made.phase == "Pending"
    assert conditions(made)["Initialized"] == "False"
    assert made.container_statuses[0].state.waiting.reason == "PodInitializing"  # type: ignore[union-attr]
    assert (
        status(
            pod(init_containers=target.spec.init_containers, policy="Never"), view(run("init", code=1))
        ).phase
        == "Failed"
    )
    done = status(target, view(run("init", code=0), run()))
    assert (done.phase, done.init_container_statuses[0].ready) == ("Running", True)


def test_a_running_pod_is_ready_with_all_conditions_and_addresses() -> None:
    made = status(pod(), view(run()))
    assert conditions(made) == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    assert (made.pod_ip, made.pod_ips[0].ip, made.host_ip) == ("10.1.0.2", "10.1.0.2", "10.0.0.9")
    container = made.container_statuses[0]
    assert (container.container_id, container.ready, container.started) == ("docker://c0", True, True)
    assert container.state.running is not None
    assert container.state.running.started_at == times.format(NOW - 60)


def test_transition_times_are_kept_and_others_conditions_stay() -> None:
    target = pod()
    target.status.conditions = [
        PodCondition(type="Ready", status="True", last_transition_time="2020-01-01T00:00:00Z"),
        PodCondition(type="mine", status="True", last_transition_time="2020-01-01T00:00:00Z"),
    ]
    made = {c.type: c for c in status(target, view(run())).conditions}
    assert made["Ready"].last_transition_time == "2020-01-01T00:00:00Z"
    assert made["mine"].status == "True"
    assert made["ContainersReady"].last_transition_time == times.format(NOW)


def test_probes_decide_readiness_and_start() -> None:
    probe = Probe(period_seconds=1)
    target = pod(Spec(name="c", image="i", readiness_probe=probe, startup_probe=probe))
    starting = status(target, view(run())).container_statuses[0]
    assert (starting.ready, starting.started) == (False, False)
    notes = Notes(container_id="c0", ready=True, started=True)
    ready = status(target, view(run(), notes={"c": notes})).container_statuses[0]
    assert (ready.ready, ready.started) == (True, True)
    other = status(target, view(run(attempt=1), notes={"c": notes})).container_statuses[0]
    assert not other.ready


def test_readiness_gates_of_others_hold_the_pod_back() -> None:
    target = pod(readiness_gates=[PodReadinessGate(condition_type="gate")])
    assert conditions(status(target, view(run())))["Ready"] == "False"
    target.status.conditions = [PodCondition(type="gate", status="True")]
    assert conditions(status(target, view(run())))["Ready"] == "True"


def test_a_crash_loop_shows_the_back_off_and_the_last_end() -> None:
    notes = {"c": Notes(backoff=CrashBackoff(40.0, NOW - 10))}
    made = status(pod(), view(run(attempt=2, code=1), notes=notes)).container_statuses[0]
    assert made.state.waiting is not None
    assert made.state.waiting.reason == "CrashLoopBackOff"
    assert made.state.waiting.message == ("back-off 40s restarting failed container=c pod=web_default(u1)")
    assert made.last_state.terminated is not None
    assert made.last_state.terminated.exit_code == 1
    assert made.restart_count == 2


def test_reasons_of_an_end() -> None:
    def reason(ended: Container) -> str:
        state = status(pod(policy="Never"), view(ended)).container_statuses[0].state.terminated
        assert state is not None
        return state.reason

    assert reason(run(code=0)) == "Completed"
    assert reason(run(code=1)) == "Error"
    assert reason(run(code=137, oom_killed=True)) == "OOMKilled"
    assert reason(run(code=127, error="no such file")) == "ContainerCannotRun"
    assert reason(run(code=137, lost=True)) == "ContainerStatusUnknown"


def test_the_state_before_comes_from_the_run_before_or_from_the_api() -> None:
    seen = view(run(attempt=1), run(attempt=0, code=3))
    first = status(pod(), seen)
    assert first.container_statuses[0].last_state.terminated.exit_code == 3  # type: ignore[union-attr]
    target = pod()
    target.status = first
    again = status(target, view(run(attempt=1)))
    assert again.container_statuses == first.container_statuses


def test_a_deleted_pod_ends_by_its_exit_codes() -> None:
    target = pod()
    target.metadata.deletion_timestamp = times.format(NOW)
    assert status(target, view(run())).phase == "Running"
    assert status(target, view(run(code=0))).phase == "Succeeded"
    assert status(target, view(run(code=137))).phase == "Failed"


def test_the_kubelets_own_failure_names_its_reason() -> None:
    made = status(pod(), view(run(), failure=Failure("DeadlineExceeded", "too long")))
    assert (made.phase, made.reason, made.message) == ("Failed", "DeadlineExceeded", "too long")


def test_status_is_stable() -> None:
    target = pod()
    first = status(target, view(run()))
    target.status = first
    assert status(target, view(run()), NOW + 100) == first
    assert msgspec.json.decode(msgspec.json.encode(first), type=PodStatus) == first


def test_a_host_network_pod_has_the_nodes_address() -> None:
    seen = replace(view(run()), address="")
    assert status(pod(host_network=True), seen).pod_ip == "10.0.0.9"


def resources(requests: dict[str, str], most: dict[str, str]) -> Pod:
    both = ResourceRequirements(requests=dict(requests), limits=dict(most))
    return pod(Spec(name="c", image="i", resources=both))


@pytest.mark.parametrize(
    ("requests", "most", "kind", "score"),
    [
        ({}, {}, "BestEffort", 1000),
        ({"cpu": "1"}, {}, "Burstable", 999),
        ({"memory": "1Gi"}, {}, "Burstable", 750),
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"}, "Guaranteed", -997),
        ({}, {"cpu": "1", "memory": "1Gi"}, "Guaranteed", -997),
    ],
)
def test_quality_of_service(requests: dict[str, str], most: dict[str, str], kind: str, score: int) -> None:
    target = resources(requests, most)
    assert qos_class(target) == kind
    assert oom_score_adj(target, target.spec.containers[0], 4 << 30) == score


def test_limits_become_cgroup_settings() -> None:
    target = resources({"cpu": "500m"}, {"cpu": "1500m", "memory": "64Mi"})
    made = limits(target, target.spec.containers[0], 4 << 30)
    assert (made.cpu_shares, made.cpu_quota, made.memory) == (512, 150_000, 64 << 20)
