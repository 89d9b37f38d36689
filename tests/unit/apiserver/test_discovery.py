"""Discovery: upstream's facts about the kinds that are served, whole and piece by piece."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import pytest

from dromon.api.kinds import LEASES, PODS, RESOURCES
from dromon.api.types.discovery_api import APIResource
from dromon.apiserver import discovery
from dromon.apiserver.subresources import TABLE

ORDINARY = "create delete deletecollection get list patch update watch"
CHANGE = "get patch update"

CORE: dict[str, tuple[str, bool, str, str]] = {
    "bindings": ("Binding", True, "create", ""),
    "configmaps": ("ConfigMap", True, ORDINARY, "cm"),
    "endpoints": ("Endpoints", True, ORDINARY, "ep"),
    "events": ("Event", True, ORDINARY, "ev"),
    "namespaces": ("Namespace", False, "create delete get list patch update watch", "ns"),
    "namespaces/finalize": ("Namespace", False, "update", ""),
    "namespaces/status": ("Namespace", False, CHANGE, ""),
    "nodes": ("Node", False, ORDINARY, "no"),
    "nodes/status": ("Node", False, CHANGE, ""),
    "pods": ("Pod", True, ORDINARY, "po"),
    "pods/attach": ("PodAttachOptions", True, "create get", ""),
    "pods/binding": ("Binding", True, "create", ""),
    "pods/eviction": ("Eviction", True, "create", ""),
    "pods/exec": ("PodExecOptions", True, "create get", ""),
    "pods/log": ("Pod", True, "get", ""),
    "pods/portforward": ("PodPortForwardOptions", True, "create get", ""),
    "pods/status": ("Pod", True, CHANGE, ""),
    "podtemplates": ("PodTemplate", True, ORDINARY, ""),
    "replicationcontrollers": ("ReplicationController", True, ORDINARY, "rc"),
    "replicationcontrollers/scale": ("Scale", True, CHANGE, ""),
    "replicationcontrollers/status": ("ReplicationController", True, CHANGE, ""),
    "secrets": ("Secret", True, ORDINARY, ""),
    "serviceaccounts": ("ServiceAccount", True, ORDINARY, "sa"),
    "services": ("Service", True, ORDINARY, "svc"),
    "services/status": ("Service", True, CHANGE, ""),
}
"""Kind, scope, verbs and short names as upstream tells them of core/v1."""


def listed(group: str, version: str) -> dict[str, APIResource]:
    found = discovery.resource_list(group, version)
    assert found is not None
    return {r.name: r for r in found.resources}


def test_core_is_listed_as_upstream_lists_it() -> None:
    given = listed("", "v1")
    assert given.keys() <= CORE.keys()
    for name, r in given.items():
        assert (r.kind, r.namespaced, " ".join(r.verbs), " ".join(r.short_names)) == CORE[name], name
    assert {n for n, r in given.items() if "all" in r.categories} == {
        "pods",
        "replicationcontrollers",
        "services",
    }
    assert list(given) == sorted(given)


def test_names_are_told_in_singular_but_not_of_subresources() -> None:
    given = listed("", "v1")
    assert (given["pods"].singular_name, given["pods/status"].singular_name) == ("pod", "")


def test_what_a_subresource_speaks_is_told() -> None:
    given = listed("", "v1")
    scale, eviction = given["replicationcontrollers/scale"], given["pods/eviction"]
    assert (scale.group, scale.version, scale.kind) == ("autoscaling", "v1", "Scale")
    assert (eviction.group, eviction.version, eviction.kind) == ("policy", "v1", "Eviction")


def test_everything_that_is_declared_is_served() -> None:
    for resource in RESOURCES:
        for name in resource.subresources:
            assert name == "status" or set(TABLE[name]) <= set(discovery.SUBRESOURCES[name].verbs), name


GROUPS = [
    "apps",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "coordination.k8s.io",
    "discovery.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "scheduling.k8s.io",
]


def test_groups() -> None:
    groups = discovery.group_list().groups
    assert [g.name for g in groups] == GROUPS
    leases = discovery.group("coordination.k8s.io")
    assert leases is not None
    assert leases.preferred_version.group_version == "coordination.k8s.io/v1"
    assert list(listed("coordination.k8s.io", "v1")) == ["leases"]


@pytest.mark.parametrize("name", ["", "example.com"])
def test_groups_that_are_not_there(name: str) -> None:
    assert discovery.group(name) is None


def test_versions_that_are_not_there() -> None:
    assert discovery.resource_list("", "v2") is None
    assert discovery.resource_list("coordination.k8s.io", "v2") is None


def test_core_versions_tell_the_address() -> None:
    assert msgspec.to_builtins(discovery.core_versions("1.2.3.4:6443")) == {
        "kind": "APIVersions",
        "apiVersion": "v1",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "1.2.3.4:6443"}],
    }


def flat(core: bool) -> dict[str, tuple[Any, ...]]:
    """The aggregated document as the single documents tell it."""
    made = {}
    for group in discovery.aggregated(core).items:
        for version in group.versions:
            for r in version.resources:
                made[r.resource] = (tuple(r.verbs), r.scope == "Namespaced", tuple(r.short_names))
                for s in r.subresources:
                    made[f"{r.resource}/{s.subresource}"] = (tuple(s.verbs), r.scope == "Namespaced", ())
    return made


@pytest.mark.parametrize(("core", "groups"), [(True, [""]), (False, GROUPS)])
def test_the_aggregated_document_says_the_same(core: bool, groups: list[str]) -> None:
    single = {}
    for group in groups:
        for name, r in listed(group, "v1").items():
            single[name] = (tuple(r.verbs), r.namespaced, tuple(r.short_names))
    assert flat(core) == single


def test_the_aggregated_document_in_both_versions() -> None:
    for version in discovery.AGGREGATED_VERSIONS:
        made = discovery.aggregated(False, version)
        assert (made.kind, made.api_version) == ("APIGroupDiscoveryList", f"apidiscovery.k8s.io/{version}")
        (group,) = [g for g in made.items if g.metadata.name == "coordination.k8s.io"]
        (lease,) = group.versions[0].resources
        assert msgspec.to_builtins(lease.response_kind) == {
            "group": "coordination.k8s.io",
            "version": "v1",
            "kind": "Lease",
        }
        assert group.versions[0].freshness == "Current"


def test_a_new_version_of_a_kind_is_listed_beside_the_old() -> None:
    both = (LEASES, replace(LEASES, version="v2"), PODS)
    group = discovery.group("coordination.k8s.io", both)
    assert group is not None
    assert [v.version for v in group.versions] == ["v1", "v2"]
    assert discovery.resource_list("coordination.k8s.io", "v2", both) is not None
