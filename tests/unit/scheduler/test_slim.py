"""What is kept of a pod is what decisions read, and equal specs are one."""

from __future__ import annotations

from typing import Any

import msgspec

from dromon.api.types.pod import Pod
from dromon.scheduler.slim import REMEMBERED, Slim


def pod(name: str, node: str = "", image: str = "i") -> Pod:
    plain: dict[str, Any] = {
        "metadata": {"name": name, "uid": name, "labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": image}], "nodeName": node},
        "status": {
            "phase": "Running",
            "startTime": "2014-06-10T18:30:00Z",
            "podIP": "10.1.0.2",
            "nominatedNodeName": "m",
            "conditions": [
                {"type": t, "status": "True"} for t in ("Ready", "PodScheduled", "DisruptionTarget")
            ],
            "containerStatuses": [{"name": "c"}],
        },
    }
    return msgspec.convert(plain, Pod)


def test_decisions_find_what_they_read_and_nothing_else_is_kept() -> None:
    kept = Slim()(pod("a", "n"))
    assert kept.metadata.name == "a"
    assert kept.spec.node_name == "n"
    assert (kept.status.phase, kept.status.start_time) == ("Running", "2014-06-10T18:30:00Z")
    assert kept.status.nominated_node_name == "m"
    assert [c.type for c in kept.status.conditions] == ["PodScheduled", "DisruptionTarget"]
    assert not kept.status.pod_ip
    assert not kept.status.container_statuses


def test_equal_specs_share_their_parts_and_differ_in_the_node() -> None:
    slim = Slim()
    free, bound, other = slim(pod("a")), slim(pod("b", "n")), slim(pod("c", "n", image="j"))
    assert (free.spec.node_name, bound.spec.node_name) == ("", "n")
    assert free.spec.containers is bound.spec.containers
    assert other.spec.containers is not bound.spec.containers
    assert slim(pod("d")).spec is free.spec


def test_specs_that_are_not_met_again_are_let_go() -> None:
    slim = Slim()
    first = slim(pod("a", image="first"))
    for i in range(REMEMBERED):
        slim(pod("x", image=str(i)))
    assert slim(pod("b", image="first")).spec is not first.spec
