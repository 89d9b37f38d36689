"""Unmodified kubectl 1.32 against a hollow cluster: the everyday commands, with upstream's output."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.kubectl

Kubectl = Callable[..., str]

POD = """
apiVersion: v1
kind: Pod
metadata: {name: NAME, labels: {app: LABEL}}
spec:
  containers:
  - {name: c, image: example/image:1, ports: [{containerPort: 8080}]}
"""

RC = """
apiVersion: v1
kind: ReplicationController
metadata: {name: nifty}
spec:
  replicas: 2
  selector: {App: Nifty}
  template:
    metadata: {labels: {App: Nifty}}
    spec: {containers: [{name: c, image: example/image:1}]}
"""


def pod(name: str, label: str = "a") -> str:
    return POD.replace("NAME", name).replace("LABEL", label)


def test_nodes_are_ready(hollow_cluster: Any) -> None:
    lines = hollow_cluster.kubectl("get", "nodes").splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert len(lines) == 4
    assert all(line.split()[1] == "Ready" for line in lines[1:])


def test_create_configmap_by_generator(kubectl: Kubectl) -> None:
    assert kubectl("create", "configmap", "x", "--from-literal=a=b") == "configmap/x created\n"
    assert kubectl("get", "cm", "x", "-o", "jsonpath={.data.a}") == "b"
    again = kubectl("create", "configmap", "x", "--from-literal=a=b", ok=False)
    assert 'error: failed to create configmap: configmaps "x" already exists' in again


def test_get_in_every_form(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=pod("one", "a") + "---" + pod("two", "b") + "---" + pod("three", "c"))
    kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=30s")
    assert kubectl("get", "pods").splitlines()[0].split() == ["NAME", "READY", "STATUS", "RESTARTS", "AGE"]
    wide = kubectl("get", "pods", "-o", "wide").splitlines()
    assert wide[0].split()[5:7] == ["IP", "NODE"]
    assert "1/1     Running" in wide[1]
    assert "kind: Pod" in kubectl("get", "pod", "one", "-o", "yaml")
    assert json.loads(kubectl("get", "pods", "-o", "json"))["kind"] == "List"
    assert kubectl("get", "pods", "-o", "name", "-l", "app in (a,b),!x").split() == ["pod/one", "pod/two"]
    node = kubectl("get", "pod", "one", "-o", "jsonpath={.spec.nodeName}")
    names = kubectl("get", "pods", "-o", "name", f"--field-selector=spec.nodeName={node}").split()
    assert "pod/one" in names
    assert kubectl("get", "pods", "--field-selector=spec.nodeName=", "-o", "name") == ""
    missing = kubectl("get", "pod", "none", ok=False)
    assert missing == 'Error from server (NotFound): pods "none" not found\n'


def test_watch_shows_changes(hollow_cluster: Any, namespace: str, kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=pod("one"))
    with hollow_cluster.popen("-n", namespace, "get", "pods", "-w", "-o", "name") as watcher:
        assert watcher.stdout is not None
        try:
            assert watcher.stdout.readline() == "pod/one\n"
            kubectl("create", "-f", "-", stdin=pod("two"))
            assert any(line == "pod/two\n" for line in watcher.stdout)
        finally:
            watcher.kill()


def test_describe(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=pod("seen"))
    kubectl("wait", "--for=condition=Ready", "pod/seen", "--timeout=30s")
    text = kubectl("describe", "pod", "seen")
    assert "Status:           Running" in text
    assert "Successfully assigned" in text


def test_apply_twice_with_a_change(kubectl: Kubectl) -> None:
    assert kubectl("apply", "-f", "-", stdin=RC) == "replicationcontroller/nifty created\n"
    assert kubectl("apply", "-f", "-", stdin=RC) == "replicationcontroller/nifty unchanged\n"
    changed = RC.replace("replicas: 2", "replicas: 3")
    assert kubectl("apply", "-f", "-", stdin=changed) == "replicationcontroller/nifty configured\n"
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "rc/nifty", "--timeout=30s")


def test_label_annotate_patch(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=pod("one"))
    assert kubectl("label", "pod", "one", "tier=web") == "pod/one labeled\n"
    assert kubectl("annotate", "pod", "one", "note=x y") == "pod/one annotated\n"
    assert kubectl("label", "pod", "one", "tier-") == "pod/one unlabeled\n"
    for kind, patch in (
        ("strategic", '{"metadata":{"labels":{"s":"1"}}}'),
        ("merge", '{"metadata":{"labels":{"m":"1"}}}'),
        ("json", '[{"op":"add","path":"/metadata/labels/j","value":"1"}]'),
    ):
        assert kubectl("patch", "pod", "one", "--type", kind, "-p", patch) == "pod/one patched\n"
    labels = json.loads(kubectl("get", "pod", "one", "-o", "jsonpath={.metadata.labels}"))
    assert labels == {"app": "a", "s": "1", "m": "1", "j": "1"}


def test_scale_and_delete(kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=RC)
    assert kubectl("scale", "rc", "nifty", "--replicas=4") == "replicationcontroller/nifty scaled\n"
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=4", "rc/nifty", "--timeout=30s")
    first, second = kubectl("get", "pods", "-o", "name").split()[:2]
    assert "deleted" in kubectl("delete", first)
    assert "force deleted" in kubectl("delete", second, "--force")
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=4", "rc/nifty", "--timeout=30s")
    assert "deleted" in kubectl("delete", "rc", "nifty")
    kubectl("wait", "--for=delete", "pod", "--all", "--timeout=30s")


def test_run_and_expose(kubectl: Kubectl) -> None:
    assert kubectl("run", "web", "--image=example/image:1", "--port=8080") == "pod/web created\n"
    assert kubectl("expose", "pod", "web", "--port=80", "--target-port=8080") == "service/web exposed\n"
    line = kubectl("get", "service", "web").splitlines()[1].split()
    assert line[1] == "ClusterIP"
    assert line[4] == "80/TCP"
    kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=30s")
    kubectl("wait", "--for=jsonpath={.subsets[0].ports[0].port}=8080", "endpoints/web", "--timeout=30s")


def test_explain_and_discovery(kubectl: Kubectl) -> None:
    text = kubectl("explain", "pod.spec.containers")
    assert "FIELD: containers <[]Container>" in text
    assert "imagePullPolicy" in text
    resources = kubectl("api-resources")
    assert "replicationcontrollers" in resources
    assert "rc " in resources
    assert "v1" in kubectl("api-versions").split()


def test_events_cordon_version_cluster_info(hollow_cluster: Any, kubectl: Kubectl) -> None:
    kubectl("create", "-f", "-", stdin=pod("one"))
    kubectl("wait", "--for=condition=Ready", "pod/one", "--timeout=30s")
    events = kubectl("get", "events")
    assert events.splitlines()[0].split() == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    assert "Scheduled" in events
    node = kubectl("get", "nodes", "-o", "name").split()[0]
    assert kubectl("cordon", node).endswith("cordoned\n")
    assert "Ready,SchedulingDisabled" in kubectl("get", node)
    assert kubectl("uncordon", node).endswith("uncordoned\n")
    assert "Server Version: v1.32" in kubectl("version")
    assert "is running at" in kubectl("cluster-info")


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        (
            pod("bad").replace("image: example/image:1", 'image: ""'),
            "spec.containers[0].image: Required value",
        ),
        (pod("Bad_Name"), "metadata.name: Invalid value"),
        (pod("odd").replace("spec:", "spec:\n  nonsense: 1"), 'unknown field "spec.nonsense"'),
        (RC.replace("labels: {App: Nifty}", "labels: {App: Other}"), "spec.template.metadata.labels"),
    ],
)
def test_bad_input_names_the_field(kubectl: Kubectl, manifest: str, text: str) -> None:
    assert text in kubectl("create", "-f", "-", stdin=manifest, ok=False)
