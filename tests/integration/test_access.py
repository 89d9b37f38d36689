"""Who may do what, by unmodified kubectl: roles, bindings, questions, impersonation, escalation."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Callable[..., str]


def test_a_stranger_may_look_at_nothing(kubectl: Kubectl) -> None:
    refused = kubectl("get", "pods", "--as=bob", ok=False)
    assert 'pods is forbidden: User "bob" cannot list resource "pods" in API group ""' in refused
    assert kubectl("auth", "can-i", "list", "pods", "--as=bob", ok=False).strip() == "no"
    assert kubectl("auth", "can-i", "list", "pods").strip() == "yes"


def test_a_role_for_one_namespace(kubectl: Kubectl, hollow_cluster: Any) -> None:
    made = kubectl("create", "role", "reader", "--verb=get,list", "--resource=pods")
    assert made == "role.rbac.authorization.k8s.io/reader created\n"
    kubectl("create", "rolebinding", "bob-reads", "--role=reader", "--user=bob")
    kubectl("wait", "--for=create", "rolebinding/bob-reads", "--timeout=10s")
    assert kubectl("get", "pods", "--as=bob") == ""
    assert kubectl("auth", "can-i", "delete", "pods", "--as=bob", ok=False).strip() == "no"
    assert "forbidden" in hollow_cluster.kubectl("-n", "default", "get", "pods", "--as=bob", ok=False)
    listed = kubectl("auth", "can-i", "--list", "--as=bob")
    assert "pods" in listed
    assert kubectl("get", "rolebindings", "-o", "wide").splitlines()[1].split()[:2] == [
        "bob-reads",
        "Role/reader",
    ]


def test_whoami(kubectl: Kubectl) -> None:
    told = json.loads(kubectl("auth", "whoami", "--as=bob", "--as-group=dev", "-o", "json"))
    assert told["status"]["userInfo"] == {"username": "bob", "groups": ["dev", "system:authenticated"]}


def test_people_s_roles_are_gathered(hollow_cluster: Any) -> None:
    hollow_cluster.kubectl("wait", "--for=jsonpath={.rules}", "clusterrole/admin", "--timeout=30s")
    admin = json.loads(hollow_cluster.kubectl("get", "clusterrole", "admin", "-o", "json"))
    assert any("deployments" in rule.get("resources", []) for rule in admin["rules"])


def test_an_admin_of_a_namespace_can_t_become_more(kubectl: Kubectl) -> None:
    kubectl("wait", "--for=jsonpath={.rules}", "clusterrole/admin", "--timeout=30s")
    kubectl("create", "rolebinding", "owner", "--clusterrole=admin", "--user=owner")
    kubectl("create", "configmap", "mine", "--as=owner")
    kubectl("create", "rolebinding", "helper", "--clusterrole=view", "--user=helper", "--as=owner")
    refused = kubectl(
        "create", "rolebinding", "all", "--clusterrole=cluster-admin", "--user=owner", "--as=owner", ok=False
    )
    assert "is attempting to grant RBAC permissions not currently held" in refused


def test_reconcile(kubectl: Kubectl, namespace: str) -> None:
    role = """
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reconciled, namespace: NAMESPACE}
rules: [{apiGroups: [""], resources: [configmaps], verbs: [get]}]
"""
    first = kubectl("auth", "reconcile", "-f", "-", stdin=role.replace("NAMESPACE", namespace))
    assert first.splitlines()[0] == "role.rbac.authorization.k8s.io/reconciled reconciled"


def test_the_parts_may_do_what_they_do(hollow_cluster: Any) -> None:
    """Nothing was refused to a component since the cluster began."""
    refused = [
        line
        for log in sorted((hollow_cluster.directory / "logs").glob("*.log"))
        for line in log.read_text().splitlines()
        if "is forbidden: User" in line and "system:" in line
    ]
    assert refused == []
