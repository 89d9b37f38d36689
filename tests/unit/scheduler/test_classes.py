"""The cache of compiled classes: shared where decisions are, told apart where they differ."""

from __future__ import annotations

from msgspec import convert

import dromon.scheduler.classes as classes_module
from dromon.api.types.service import Service
from dromon.scheduler.classes import ClassCache
from dromon.scheduler.engine.reference import ReferenceEngine
from dromon.scheduler.inputs import Spread

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
OWNED = {"ownerReferences": [{"uid": "rc", "controller": True}]}


def cache(services=()) -> ClassCache:
    return ClassCache(ReferenceEngine(0), lambda namespace: services)


def test_pods_of_one_template_share_a_class(make):
    classes = cache()
    a = classes.of(make.pod("a", metadata=OWNED, containers=make.requests(cpu="1")))
    b = classes.of(make.pod("b", metadata=OWNED, containers=make.requests(cpu="1"), nodeName="n"))
    assert a is b


def test_whatever_matters_tells_classes_apart(make):
    classes = cache()
    pods = [
        make.pod(),
        make.pod(metadata={"labels": {"a": "1"}}),
        make.pod(metadata={"namespace": "other"}),
        make.pod(metadata=OWNED),
        make.pod(metadata={"deletionTimestamp": "2024-01-01T00:00:00Z"}),
        make.pod(containers=make.requests(cpu="1")),
        make.pod(nodeSelector={"a": "1"}),
        make.pod(tolerations=[{"operator": "Exists"}]),
        make.pod(overhead={"cpu": "1"}),
        make.pod(resources={"requests": {"cpu": "2"}}),
        make.pod(containers=[{"name": "c", "ports": [{"containerPort": 1, "hostPort": 1}]}]),
        make.pod(initContainers=[{"name": "c", "resources": {"requests": {"cpu": "3"}}}]),
        make.pod(priority=3),
        make.pod(containers=[{"name": "c", "image": "other"}]),
        make.pod(affinity={"podAffinity": {REQUIRED: [{"topologyKey": "zone"}]}}),
        make.pod(topologySpreadConstraints=[{"topologyKey": "zone", "maxSkew": 1}]),
        make.pod(
            affinity={
                "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}
            }
        ),
    ]
    assert len({classes.of(pod) for pod in pods}) == len(pods)


def test_services_are_asked_for_pods_without_a_controller(make):
    services = [convert({"spec": {"selector": {"a": "1"}}}, Service)]
    classes = cache(services)
    labels = {"labels": {"a": "1"}}
    assert classes.of(make.pod(metadata=labels)).spread == Spread("", "default", (("a", "1"),))
    assert classes.of(make.pod(metadata={**labels, **OWNED})).spread == Spread("rc")
    services.clear()
    assert classes.of(make.pod(metadata=labels)).spread is None


def test_the_least_recently_used_class_is_forgotten(make, monkeypatch):
    monkeypatch.setattr(classes_module, "CAPACITY", 2)
    classes = cache()
    a, b = (classes.of(make.pod(nodeSelector={"k": v})) for v in "ab")
    assert classes.of(make.pod(nodeSelector={"k": "a"})) is a
    classes.of(make.pod(nodeSelector={"k": "c"}))
    assert classes.of(make.pod(nodeSelector={"k": "a"})) is a
    assert classes.of(make.pod(nodeSelector={"k": "b"})) is not b
