"""plan.plan: what is done for a pod, by what is observed. No I/O, time is a number."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from dromon.api.types.container import Container as Spec
from dromon.api.types.container import Probe
from dromon.api.types.meta import ObjectMeta
from dromon.api.types.pod import Pod, PodSpec
from dromon.kubelet import plan as p
from dromon.kubelet.runtime.interface import Container, PodRef, State
from dromon.kubelet.view import Blocked, CrashBackoff, Failure, Notes, View

NOW = 1_700_000_000.0
REF = PodRef("default", "web", "u1")
SANDBOX = Container("s0", REF, "", 0, State.RUNNING, netns="/proc/1/ns/net")


def pod(*containers: Spec, policy: str = "Always", **spec: Any) -> Pod:
    return Pod(
        metadata=ObjectMeta(name="web", namespace="default", uid="u1"),
        spec=PodSpec(
            containers=list(containers) or [Spec(name="c", image="i")], restart_policy=policy, **spec
        ),
    )


def run(name: str = "c", attempt: int = 0, state: State = State.RUNNING, **more: Any) -> Container:
    more.setdefault("sandbox", "s0")
    return Container(f"{name}{attempt}", REF, name, attempt, state, **more)


def ended(name: str = "c", attempt: int = 0, code: int = 1, **more: Any) -> Container:
    more.setdefault("finished_at", NOW - 1)
    return run(name, attempt, State.EXITED, exit_code=code, **more)


def view(*runs: Container, **more: Any) -> View:
    containers: dict[str, tuple[Container, ...]] = {}
    for each in sorted(runs, key=lambda r: -r.attempt):
        containers[each.name] = (*containers.get(each.name, ()), each)
    more.setdefault("sandboxes", (SANDBOX,))
    more.setdefault("mounted", True)
    more.setdefault("attached", True)
    return View(containers=containers, **more)


def actions(target: Pod, seen: View, now: float = NOW) -> list[p.Action]:
    return p.plan(target, seen, now).actions


def test_a_new_pod_gets_volumes_then_a_sandbox_then_containers() -> None:
    nothing = View()
    assert actions(pod(), nothing) == [p.MountVolumes()]
    assert actions(pod(), replace(nothing, mounted=True)) == [p.CreateSandbox(0)]
    assert actions(pod(), view()) == [p.StartContainer("c", 0, "s0")]
    assert actions(pod(), view(run())) == []


def test_a_sandbox_without_network_is_attached_before_anything_starts() -> None:
    assert actions(pod(), view(attached=False)) == [p.AttachNetwork(SANDBOX.netns)]


def test_what_is_in_flight_is_not_planned_again() -> None:
    assert actions(pod(), View(busy=frozenset({"volumes"}))) == []
    assert actions(pod(), view(busy=frozenset({"container/c"}))) == []


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [
        ("Always", 0, True),
        ("Always", 1, True),
        ("OnFailure", 0, False),
        ("OnFailure", 1, True),
        ("Never", 0, False),
        ("Never", 1, False),
    ],
)
def test_the_restart_policy_decides(policy: str, code: int, again: bool) -> None:
    planned = actions(pod(policy=policy), view(ended(code=code)))
    expected: list[p.Action] = [p.StartContainer("c", 1, "s0", NOW - 1)] if again else []
    assert planned == expected


def test_a_crashing_container_waits_out_its_back_off() -> None:
    notes = {"c": Notes(backoff=CrashBackoff(20.0, NOW - 30))}
    seen = view(ended(attempt=2, finished_at=NOW - 5), notes=notes)
    planned = p.plan(pod(), seen, NOW)
    assert planned.actions == []
    assert planned.wake_at == NOW + 15
    assert actions(pod(), seen, NOW + 15) == [p.StartContainer("c", 3, "s0", NOW - 5)]


def test_the_back_off_doubles_to_five_minutes_and_is_forgiven_after_ten() -> None:
    backoff = CrashBackoff()
    assert backoff.remaining(NOW, NOW) == 0
    delays = []
    now = NOW
    for _ in range(8):
        backoff = backoff.next(now, now)
        delays.append(backoff.delay)
        now += backoff.delay
    assert delays == [10, 20, 40, 80, 160, 300, 300, 300]
    healthy = backoff.updated + 601
    assert backoff.remaining(healthy, healthy) == 0
    assert backoff.next(healthy, healthy).delay == 10


def test_a_blocked_container_is_tried_again_later() -> None:
    blocked = Blocked("ErrImagePull", "no", NOW, NOW + 10, 10.0, ("ImagePullBackOff", "back-off"))
    seen = view(notes={"c": Notes(blocked=blocked)})
    planned = p.plan(pod(), seen, NOW)
    assert planned.actions == []
    assert planned.wake_at == NOW + 3
    assert blocked.shown(NOW + 4)[0] == "ImagePullBackOff"
    assert actions(pod(), seen, NOW + 10) == [p.StartContainer("c", 0, "s0")]


def test_init_containers_run_one_after_the_other() -> None:
    target = pod(init_containers=[Spec(name="a", image="i"), Spec(name="b", image="i")])
    assert actions(target, view()) == [p.StartContainer("a", 0, "s0")]
    assert actions(target, view(run("a"))) == []
    assert actions(target, view(ended("a", code=0))) == [p.StartContainer("b", 0, "s0")]
    assert actions(target, view(ended("a", code=0), ended("b", code=2))) == [
        p.StartContainer("b", 1, "s0", NOW - 1)
    ]
    both = view(ended("a", code=0), ended("b", code=0))
    assert actions(target, both) == [p.StartContainer("c", 0, "s0")]
    assert actions(target, view(run("c"))) == []  # the init containers were cleared away


def test_init_containers_run_again_in_a_new_sandbox() -> None:
    target = pod(init_containers=[Spec(name="a", image="i")])
    seen = view(ended("a", code=0, sandbox="old"), ended("c", code=137, sandbox="old"))
    assert actions(target, seen) == [p.StartContainer("a", 1, "s0")]


def test_a_sidecar_starts_before_the_others_and_is_kept_running() -> None:
    probe = Probe(period_seconds=1)
    side = Spec(name="side", image="i", restart_policy="Always", startup_probe=probe)
    target = pod(init_containers=[side])
    assert actions(target, view()) == [p.StartContainer("side", 0, "s0")]
    up = view(run("side"), notes={"side": Notes(container_id="side0", started=True)})
    assert actions(target, view(run("side"))) == []
    assert actions(target, up) == [p.StartContainer("c", 0, "s0")]
    crashed = view(ended("side"), run("c"))
    assert actions(target, crashed) == [p.StartContainer("side", 1, "s0", NOW - 1)]


def test_a_dead_sandbox_takes_its_containers_along_and_is_replaced() -> None:
    dead = replace(SANDBOX, state=State.EXITED, netns="")
    kill = p.KillContainer("c0", "c", 30.0, "Stopping container c")
    assert actions(pod(), view(run(), sandboxes=(dead,))) == [kill]
    assert actions(pod(), view(ended(), sandboxes=(dead,))) == [p.RemoveSandbox("s0")]
    assert actions(pod(), view(ended(), sandboxes=())) == [p.CreateSandbox(0)]
    assert actions(pod(policy="Never"), view(ended(), sandboxes=())) == []


def test_the_end_of_a_sandbox_is_no_crash_of_its_containers() -> None:
    notes = {"c": Notes(backoff=CrashBackoff(40.0, NOW - 60))}
    fresh = replace(SANDBOX, created_at=NOW - 0.5)
    killed = ended(attempt=2, code=137, sandbox="old")
    assert actions(pod(), view(killed, sandboxes=(fresh,), notes=notes)) == [p.StartContainer("c", 3, "s0")]
    crashed = replace(killed, finished_at=NOW - 20)
    assert actions(pod(), view(crashed, sandboxes=(fresh,), notes=notes)) == []
    here = replace(killed, sandbox="s0")
    assert actions(pod(), view(here, sandboxes=(fresh,), notes=notes)) == []


def test_a_changed_definition_starts_without_the_back_off_of_the_old_one() -> None:
    notes = {"c": Notes(backoff=CrashBackoff(40.0, NOW - 1))}
    assert actions(pod(), view(ended(), notes=notes)) == []
    assert actions(pod(), view(ended(hash="other"), notes=notes)) == [p.StartContainer("c", 1, "s0")]


def test_a_failed_liveness_probe_or_a_new_image_kills() -> None:
    condemned = Notes(container_id="c0", condemned="Container c failed liveness probe", condemned_grace=5)
    seen = view(run(), notes={"c": condemned})
    assert actions(pod(), seen) == [p.KillContainer("c0", "c", 5.0, "Container c failed liveness probe")]
    changed = view(run(hash="other"))
    [kill] = actions(pod(), changed)
    assert isinstance(kill, p.KillContainer)
    assert kill.message == "Container c definition changed, will be restarted"


def test_only_two_runs_of_a_container_are_kept() -> None:
    seen = view(run(attempt=3), ended(attempt=2), ended(attempt=1), ended(attempt=0))
    assert actions(pod(), seen) == [p.RemoveContainer("c1"), p.RemoveContainer("c0")]


def test_deletion_stops_removes_releases_and_finalizes_in_this_order() -> None:
    target = pod()
    target.metadata.deletion_timestamp = "2023-11-14T22:13:20Z"
    target.metadata.deletion_grace_period_seconds = 7
    seen = view(run())
    assert actions(target, seen) == [p.KillContainer("c0", "c", 7.0, "Stopping container c")]
    assert actions(target, view(ended())) == [p.RemoveSandbox("s0")]
    bare = view(ended(), sandboxes=())
    assert actions(target, bare) == [p.Release()]
    assert actions(target, replace(bare, released=True)) == [p.RemoveContainer("c0")]
    clean = view(sandboxes=(), released=True)
    assert actions(target, clean) == [p.Finalize()]
    assert actions(target, replace(clean, finalized=True)) == []


def test_a_kill_is_hastened_but_never_prolonged() -> None:
    target = pod()
    target.metadata.deletion_timestamp = "2023-11-14T22:13:20Z"
    target.metadata.deletion_grace_period_seconds = 0
    seen = view(run(), busy=frozenset({"kill/c0"}), killing={"c0": NOW + 25})
    assert actions(target, seen) == [p.KillContainer("c0", "c", 1.0, "Stopping container c")]
    target.metadata.deletion_grace_period_seconds = 60
    assert actions(target, seen) == []


def test_sidecars_are_stopped_after_the_others() -> None:
    target = pod(init_containers=[Spec(name="side", image="i", restart_policy="Always")])
    seen = view(run("side"), run("c"), gone=True)
    assert [a.id for a in actions(target, seen) if isinstance(a, p.KillContainer)] == ["c0"]
    seen = view(run("side"), ended("c"), gone=True)
    assert [a.id for a in actions(target, seen) if isinstance(a, p.KillContainer)] == ["side0"]


def test_a_finished_pod_gives_up_its_sandbox_and_keeps_its_logs() -> None:
    target = pod(policy="Never")
    assert actions(target, view(ended(code=0), terminal=True)) == [p.RemoveSandbox("s0")]
    assert actions(target, view(ended(code=0), terminal=True, sandboxes=(), released=True)) == []


def test_a_pod_past_its_deadline_is_stopped() -> None:
    seen = view(run(), failure=Failure("DeadlineExceeded", "too long"))
    [kill] = actions(pod(), seen)
    assert isinstance(kill, p.KillContainer)


def test_an_orphan_is_stopped_with_the_grace_of_its_labels() -> None:
    unknown = Pod(metadata=ObjectMeta(name="web", namespace="default", uid="u1"))
    [kill] = actions(unknown, view(run(grace=3), gone=True))
    assert isinstance(kill, p.KillContainer)
    assert kill.grace == 3.0


def test_a_container_that_was_made_and_never_started_is_removed() -> None:
    assert actions(pod(), view(run(state=State.CREATED))) == [p.RemoveContainer("c0")]
