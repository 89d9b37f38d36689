"""Selectors: compiling, matching, and finding the services of a pod among 10,000.

Each case checks its answer before its time means anything. Run with

    pytest bench/bench_selector.py --benchmark-enable

Neighbours: dromon._core.Selector and SelectorIndex are measured, dromon.api.labels is the reference beside.
"""

from __future__ import annotations

from typing import Any

import pytest

from dromon._core import Selector, SelectorIndex
from dromon.api import labels

TEXT = "app in (web,api),tier!=db,phase,!old"
POD = {"app": "web", "phase": "canary", "tier": "front", "pod-template-hash": "5d9c"}


@pytest.mark.parametrize("parse", [Selector, labels.parse], ids=["rust", "python"])
def test_compile(benchmark: Any, parse: Any) -> None:
    assert parse(TEXT).matches(POD)
    benchmark(parse, TEXT)


@pytest.mark.parametrize("parse", [Selector, labels.parse], ids=["rust", "python"])
def test_match(benchmark: Any, parse: Any) -> None:
    selector = parse(TEXT)
    assert selector.matches(POD)
    assert not selector.matches({**POD, "old": ""})
    benchmark(selector.matches, POD)


@pytest.mark.parametrize("services", [10, 10_000])
def test_services_of_a_pod(benchmark: Any, services: int) -> None:
    """The cost must not grow with services that don't select the pod."""
    index = SelectorIndex()
    for i in range(services):
        index.add(f"default/s{i}", f"app=app-{i},tier=front", "default")
    pod = {"app": "app-7", "tier": "front", "phase": "canary"}
    assert index.matching(pod, "default") == ["default/s7"]
    benchmark(index.matching, pod, "default")
