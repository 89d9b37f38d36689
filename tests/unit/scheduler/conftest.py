"""Makers of pods, nodes and classes, short enough to be read in a test."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import convert

from dromon.api.types.node import Node
from dromon.api.types.pod import Pod
from dromon.scheduler.inputs import NodeInfo
from dromon.scheduler.node_state import NodeState


class Make:
    """`make.pod("a", containers=[{"name": "c"}])` and so on; fields as on the wire."""

    @staticmethod
    def pod(name: str = "p", *, metadata: dict[str, Any] | None = None, phase: str = "", **spec: Any) -> Pod:
        """A pod in namespace "default" whose uid is "uid-<name>"; spec fields by their wire names."""
        meta = {"name": name, "namespace": "default", "uid": f"uid-{name}", **(metadata or {})}
        spec.setdefault("containers", [{"name": "c", "image": "i"}])
        return convert({"metadata": meta, "spec": spec, "status": {"phase": phase}}, Pod)

    @staticmethod
    def requests(**amounts: str) -> list[dict[str, Any]]:
        """Containers of a pod that requests this."""
        amounts = {name.replace("_", "-"): amount for name, amount in amounts.items()}
        return [{"name": "c", "image": "i", "resources": {"requests": amounts}}]

    @staticmethod
    def node(name: str, *, cpu: str = "4", memory: str = "8Gi", pods: str = "110", **spec: Any) -> Node:
        """A node; spec fields by their wire names, `labels` apart."""
        labels = spec.pop("labels", {})
        allocatable = {"cpu": cpu, "memory": memory, "pods": pods}
        return convert(
            {
                "metadata": {"name": name, "labels": labels},
                "spec": spec,
                "status": {"allocatable": allocatable},
            },
            Node,
        )

    @staticmethod
    def state(**fields: Any) -> NodeState:
        """A node as filters see it, by NodeInfo's fields; dicts for labels and allocatable."""
        for key in ("labels", "allocatable"):
            if key in fields:
                fields[key] = tuple(sorted(fields[key].items()))
        info = NodeInfo(**{"name": "n", "max_pods": 110, **fields})
        state = NodeState(info.name)
        state.set_info(info)
        return state


@pytest.fixture
def make() -> type[Make]:
    return Make
