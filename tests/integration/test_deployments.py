"""Deployments by unmodified kubectl: create, roll, look, undo, pause, scale, delete; output as upstream's."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Callable[..., str]


def images(kubectl: Kubectl) -> list[str]:
    out = kubectl("get", "pods", "-l", "app=web", "-o", "json")
    pods = [p for p in json.loads(out)["items"] if "deletionTimestamp" not in p["metadata"]]
    return sorted(p["spec"]["containers"][0]["image"] for p in pods)


def test_a_deployment_s_life(kubectl: Kubectl) -> None:
    made = kubectl("create", "deployment", "web", "--image=example/web:1", "--replicas=3")
    assert made == "deployment.apps/web created\n"
    done = kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert done.endswith('deployment "web" successfully rolled out\n')
    heading, line = kubectl("get", "deployments").splitlines()
    assert heading.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert line.split()[:4] == ["web", "3/3", "3", "3"]
    assert kubectl("get", "rs").splitlines()[1].split()[1:4] == ["3", "3", "3"]

    changed = kubectl("set", "image", "deployment/web", "web=example/web:2")
    assert changed == "deployment.apps/web image updated\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert images(kubectl) == ["example/web:2"] * 3
    history = kubectl("rollout", "history", "deployment/web").split("\n")
    assert [line.split()[0] for line in history[2:4]] == ["1", "2"]

    assert kubectl("rollout", "undo", "deployment/web") == "deployment.apps/web rolled back\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert images(kubectl) == ["example/web:1"] * 3

    assert kubectl("rollout", "restart", "deployment/web") == "deployment.apps/web restarted\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert kubectl("rollout", "pause", "deployment/web") == "deployment.apps/web paused\n"
    kubectl("set", "image", "deployment/web", "web=example/web:3")
    assert kubectl("scale", "deployment/web", "--replicas=5") == "deployment.apps/web scaled\n"
    kubectl("wait", "--for=jsonpath={.status.availableReplicas}=5", "deployment/web", "--timeout=60s")
    assert images(kubectl) == ["example/web:1"] * 5
    assert kubectl("rollout", "resume", "deployment/web") == "deployment.apps/web resumed\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    assert images(kubectl) == ["example/web:3"] * 5

    described = kubectl("describe", "deployment", "web")
    assert "Progressing    True    NewReplicaSetAvailable" in described
    assert "5 desired | 5 updated | 5 total | 5 available | 0 unavailable" in described
    assert kubectl("delete", "deployment", "web") == 'deployment.apps "web" deleted\n'
    kubectl("wait", "--for=delete", "pods", "-l", "app=web", "--timeout=60s")
    assert kubectl("get", "rs", "-o", "name") == ""


def test_what_can_t_be_is_refused(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=example/web:1")
    patch = '{"spec":{"selector":{"matchLabels":{"app":"other"}}}}'
    refused = kubectl("patch", "deployment", "web", "-p", patch, ok=False)
    assert "spec.selector: Invalid value" in refused
    assert "field is immutable" in refused


def test_priority_classes(kubectl: Kubectl) -> None:
    table = kubectl("get", "priorityclasses").splitlines()
    assert table[0].split() == ["NAME", "VALUE", "GLOBAL-DEFAULT", "AGE", "PREEMPTIONPOLICY"]
    assert [line.split()[:2] for line in table[1:]] == [
        ["system-cluster-critical", "2000000000"],
        ["system-node-critical", "2000001000"],
    ]
    kubectl("create", "priorityclass", "deployments-test", "--value=1000", "--description=x")
    kubectl("run", "p", "--image=i", "--overrides", '{"spec":{"priorityClassName":"deployments-test"}}')
    assert kubectl("get", "pod", "p", "-o", "jsonpath={.spec.priority}") == "1000"
    assert "system priority class" in kubectl("delete", "pc", "system-node-critical", ok=False)
    kubectl("delete", "pc", "deployments-test")


BUDGET = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
"""


def test_a_budget_holds_evictions_up(kubectl: Kubectl) -> None:
    kubectl("create", "deployment", "web", "--image=example/web:1", "--replicas=3")
    kubectl("rollout", "status", "deployment/web", "--timeout=60s")
    kubectl("create", "-f", "-", stdin=BUDGET)
    kubectl("wait", "--for=jsonpath={.status.disruptionsAllowed}=1", "pdb/web", "--timeout=30s")
    heading, line = kubectl("get", "pdb").splitlines()
    assert heading.split("  ")[0] == "NAME"
    assert line.split()[:4] == ["web", "2", "N/A", "1"]
    kubectl("scale", "deployment/web", "--replicas=2")
    kubectl("wait", "--for=jsonpath={.status.disruptionsAllowed}=0", "pdb/web", "--timeout=30s")
    left = kubectl("get", "pods", "-l", "app=web", "-o", "name").split()
    namespace = json.loads(kubectl("get", left[0], "-o", "json"))["metadata"]["namespace"]
    path = f"/api/v1/namespaces/{namespace}/{left[0].replace('pod/', 'pods/')}/eviction"
    body = json.dumps(
        {
            "apiVersion": "policy/v1",
            "kind": "Eviction",
            "metadata": {"name": left[0].removeprefix("pod/"), "namespace": namespace},
        }
    )
    refused = kubectl("create", "--raw", path, "-f", "-", stdin=body, ok=False)
    assert "Cannot evict pod as it would violate the pod's disruption budget." in refused
    kubectl("delete", "pdb", "web")
    assert '"status":"Success"' in kubectl("create", "--raw", path, "-f", "-", stdin=body).replace(" ", "")
